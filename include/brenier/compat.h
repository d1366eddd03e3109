/* compat.h - The one place that knows which PETSc is installed. */
#pragma once

#include <petscsys.h>

#if defined(PETSC_USE_COMPLEX) || !defined(PETSC_USE_REAL_DOUBLE)
  #error "Brenier needs a PETSc built with real scalars in double precision"
#endif

#if PETSC_VERSION_LT(3, 18, 0)
  #error "Brenier needs PETSc 3.18 or later"
#endif

#if PETSC_VERSION_LT(3, 19, 0)
  #define PETSC_SUCCESS 0
#endif
