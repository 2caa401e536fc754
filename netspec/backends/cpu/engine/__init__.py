"""What runs: tables of kernels, the machine that builds them, the threads that walk them, and their memory."""
