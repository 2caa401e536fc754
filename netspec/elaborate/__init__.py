"""From a syntax tree to a graph of layers, and all that is wrong on the way.

    tree_to_graph.py   the entry: a tree, a net of it, its parameters -> a graph
    check.py           everything wrong with a file, what no net runs included
    one_net.py         a net run at the root; whole_net.py makes its graph, and says what only the whole shows
    model/             what an elaboration works on: values, names, files, the graph in the making
    binding/           expressions and arguments
    steps/             a step: layer, merge, call
    statements/        a statement, and the table of them
    train/             train sections

Imports point downwards in `model < binding < steps < statements < train`. A body holds statements that hold bodies: whoever
needs a body run asks the Elaborator, which was handed the table of statements.
"""
