"""ONNX, both ways. What each layer is there it says itself (words/onnx.py).

    out    write.py: a graph and its numbers -> a model
    in     load.py: a file -> a model; plain.py: constants and shapes evaluated, older forms made new; meet.py: nodes -> layers;
           flat.py, recover/: layers -> text; agree.py: the text's graph against the layers, node by node
    both   patterns.py: operators as layers state them; need.py: the library, where it is there; run.py: what a file computes
"""
