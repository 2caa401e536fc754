"""Each kind of picture that `netspec look` draws: arrays of netspec/look/ as plates of netspec/views/look/."""
