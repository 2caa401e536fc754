"""A step of the flow: a layer, a merge, a call, `reuse`; and what is known of one that is in error."""
