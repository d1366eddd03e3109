/* source_list.h - The sources there are, one a line: the values of -source, in the order in which they are listed; the
   first is the default. Line BRENIER_SOURCE(NAME) stands for the law brenier_source_NAME of src/data/source_NAME.c
   (source_impl.h). Included more than once. */
BRENIER_SOURCE(gaussian)
BRENIER_SOURCE(cube)
BRENIER_SOURCE(sphere)
BRENIER_SOURCE(ball)
BRENIER_SOURCE(spherical)
BRENIER_SOURCE(student)
BRENIER_SOURCE(mixture)
