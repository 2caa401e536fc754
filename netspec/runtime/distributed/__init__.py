"""A step of training shared by workers, to the bits of one alone.

A step is so many parts, `shards` of each batch. Each part begins from the same weights and the same running statistics, and what
it reads and draws depends on the seed, the epoch, the step and its own number: who computes it changes nothing. What the parts
come to is summed in one binary tree over their numbers, which knows nothing of who computed them.

    tree.py     what parts come to, and the tree that sums it
    dealing.py  which worker takes which parts
    world.py    the workers, as a step sees them; one alone
    transport.py  the ranks of an MPI program
    wire.py     what they say, as bytes
    board.py    which of those of one machine are heard of
    ending.py   how one ends by an error, as the others hear of it
    agreeing.py whether all are about to do the same
    joining.py  whether this process is a rank
    launching.py  starting ranks
"""
