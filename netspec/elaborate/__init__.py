"""From a syntax tree to a graph of layers: values, names, files, words, statements, each in its own file."""
