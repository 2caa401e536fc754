"""What an editor asks of a text that somebody is writing: `netspec lsp`.

    text.py         the text as it stands: its lines, places in an editor's units, edits
    pieces.py       the text cut at its blocks, nets and train sections, each parsed by itself and kept while it stays as it is
    scopes.py       the names of a piece: what is defined where, and which words mean it
    names.py        the names of a page, of all its pieces and of what they import: definition, references, renaming
    outline.py      the list of what a page holds, and what can be folded
    words.py        what may stand where: the words of the language, their options, the values of those
    completion.py   what may be written at a place
    findings.py     everything wrong with a page, and its nets
    numbers.py      shape, parameters and multiply-accumulates of each line, call by call
    mending.py      hints as edits, each tried
    hovering.py     what a word is, with the numbers of its place
    turns.py        who goes first: answers before checks
    desk.py         the open pages: the last good numbers of each, and what is asked of it
    drawn.py        the diagram of a net
    server.py       the Language Server Protocol, with protocol.py, its rules, wire.py, its words, and serving.py, its process

All but the last row know no protocol. The text is never run; words of a user's own are
those that the program that serves has imported, as on the command line.
"""
