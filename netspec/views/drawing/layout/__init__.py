"""Where the boxes, frames and arcs of a diagram stand: columns or a U, and ways around what is there."""
