VERSION := 1.0.0
# The interface's number in the soname: programs linked with one number keep running with every library that has it.
SOVERSION := 1
