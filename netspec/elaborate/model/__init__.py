"""What an elaboration works on: values, names, files, the graph in the making, the way in, findings."""
