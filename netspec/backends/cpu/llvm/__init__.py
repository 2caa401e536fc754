"""Machine code: vectors and their functions as LLVM IR, what becomes of it, and where it is kept."""
