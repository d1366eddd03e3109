/* For tests, which start thousands of programs: a start without Trilinos.

   PETSc may be linked with ML, its algebraic multigrid, which no solver of this program is. ML needs eighteen libraries
   of C++, and to bind their names is a quarter of a small run. A library that is preloaded under the name of ML takes
   its place; what PETSc asks of it when it starts is this variable. */
extern void *ml_void_mem_ptr;

void *ml_void_mem_ptr;
