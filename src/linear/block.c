/*
  block.c - Symmetric eigenproblems of a block-cyclic matrix by ScaLAPACK, no result believed before it is checked.

  pdsyevr is fast, but loses orthogonality where many eigenvalues coincide, with info = 0 (seen: order 257 on two
  processes, 784 on one); pdsyev never did and takes three times as long. So small problems go to pdsyev at once, large
  ones to pdsyevr, and those whose result fails the check to pdsyev after all. pdsyevd is not used: its own workspace
  query is too small on some grids.

  Entry (i, j) lies in block (i / 64, j / 64), and block (I, J) on process (I mod rows, J mod cols) of the grid
  (Blackford et al., ScaLAPACK Users' Guide, 1997). pdsyevr: Vomel, ACM Trans. Math. Softw. 37 (2010).
*/
#include "scalapack.h"

#include <brenier/base.h>

#include <math.h>

/* Order of a block: the usual one, large enough for fast products. */
static const int brenier_block = 64;

/* Up to this order pdsyev takes a tenth of a second. */
static const int brenier_small_order = 512;

/* Largest order: the workspace of pdsyevr on one process, some 2 n^2 numbers, is still counted in 32 bits. */
static const PetscInt brenier_max_order = 30000;

/* Eigenpairs are good when residual and loss of orthogonality are below this times n; rounding gives a hundredth. */
static const PetscReal brenier_eigen_bound = 1e-13;

/* Entries this close to the largest one of a vector count as equally large when its sign is fixed. */
static const PetscReal brenier_sign_tie = 1e-6;

/* Numbers in one reduction: well within MPI's 32-bit counts. */
static const PetscInt brenier_reduce_count = 1 << 28;

static int GlobalIndex(int local, int process, int processes)
{
  return (local / brenier_block * processes + process) * brenier_block + local % brenier_block;
}

static size_t LocalCount(const BrenierBlockMatrix *m)
{
  return (size_t)m->local_rows * (size_t)m->local_cols;
}

/* The most nearly square grid within `size` processes in which every process has a block. */
static void ChooseGrid(int n, int size, int *rows, int *cols)
{
  const int blocks = (n + brenier_block - 1) / brenier_block;

  *rows = 1;
  while ((*rows + 1) * (*rows + 1) <= size && *rows + 1 <= blocks) ++*rows;
  *cols = PetscMin(size / *rows, blocks);
}

PetscErrorCode BrenierBlockMatrixCreate(MPI_Comm comm, PetscInt n, BrenierBlockMatrix *m)
{
  const int   zero = 0, one = 1;
  int         info, lld;
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCheck(n <= brenier_max_order, comm, PETSC_ERR_FILE_UNEXPECTED,
             "%" PetscInt_FMT " features need a covariance matrix of that order, more than the %" PetscInt_FMT
             " that are possible: use fewer, for example smaller images",
             n, brenier_max_order);
  PetscCall(PetscMemzero(m, sizeof *m));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  m->comm = comm;
  m->n    = (int)n;
  ChooseGrid(m->n, size, &m->rows, &m->cols);
  m->handle  = Csys2blacs_handle(comm);
  m->context = m->handle;
  Cblacs_gridinit(&m->context, "Row", m->rows, m->cols);
  if (m->context >= 0) {
    Cblacs_set(m->context, BRENIER_BLACS_REPEATABLE, &one);
    Cblacs_gridinfo(m->context, &m->rows, &m->cols, &m->row, &m->col);
    m->local_rows = numroc_(&m->n, &brenier_block, &m->row, &zero, &m->rows);
    m->local_cols = numroc_(&m->n, &brenier_block, &m->col, &zero, &m->cols);
    lld           = PetscMax(1, m->local_rows);
    descinit_(m->desc, &m->n, &m->n, &brenier_block, &brenier_block, &zero, &zero, &m->context, &lld, &info);
    PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_PLIB, "descinit returned info = %d", info);
  }
  PetscCall(PetscCalloc1(LocalCount(m), &m->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlockMatrixDestroy(BrenierBlockMatrix *m)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(m->value));
  if (m->context >= 0) Cblacs_gridexit(m->context);
  Cfree_blacs_system_handle(m->handle);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierBlockMatrixSetColumns(BrenierBlockMatrix *m, PetscInt first, PetscInt count, const PetscReal column[])
{
  for (int jl = 0; jl < m->local_cols; ++jl) {
    const int        j    = GlobalIndex(jl, m->col, m->cols);
    const PetscReal *from = column + (size_t)(j - first) * (size_t)m->n;
    PetscReal       *to   = m->value + (size_t)jl * (size_t)m->local_rows;

    if (j < first || j >= first + count) continue;
    for (int il = 0; il < m->local_rows; ++il) {
      const int i = GlobalIndex(il, m->row, m->rows);

      if (i >= j) to[il] = from[i];
    }
  }
}

/* A power of two near the largest entry, so that squares of entries neither overflow nor vanish; 1 for zeros. */
static PetscErrorCode GetUnit(const BrenierBlockMatrix *m, PetscReal *unit)
{
  PetscReal largest = 0.0;
  int       power;

  PetscFunctionBegin;
  for (size_t i = 0; i < LocalCount(m); ++i) largest = PetscMax(largest, PetscAbsReal(m->value[i]));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPIU_REAL, MPI_MAX, m->comm));
  frexp(largest, &power);
  *unit = largest > 0.0 ? ldexp(1.0, PetscMin(PetscMax(power, -1000), 1000)) : 1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The two solvers, on the processes of the grid: w ascending, z distributed as the matrix; `a` is overwritten. */
typedef PetscErrorCode (*GridSolver)(const BrenierBlockMatrix *m, PetscReal a[], PetscReal w[], PetscReal z[],
                                     int *info);

static PetscErrorCode SolveByRelativelyRobust(const BrenierBlockMatrix *m, PetscReal a[], PetscReal w[], PetscReal z[],
                                              int *info)
{
  const int    one = 1, query = -1;
  const double unused       = 0.0;
  double       work_size[3] = {0.0};
  double      *work;
  int          iwork_size[1] = {0}, lwork, liwork, n_values, n_vectors;
  int         *iwork;

  PetscFunctionBegin;
  pdsyevr_("V", "A", "L", &m->n, a, &one, &one, m->desc, &unused, &unused, &one, &m->n, &n_values, &n_vectors, w, z,
           &one, &one, m->desc, work_size, &query, iwork_size, &query, info, 1, 1, 1);
  if (*info) PetscFunctionReturn(PETSC_SUCCESS);
  lwork  = (int)work_size[0];
  liwork = iwork_size[0];
  PetscCall(PetscMalloc2(lwork, &work, liwork, &iwork));
  pdsyevr_("V", "A", "L", &m->n, a, &one, &one, m->desc, &unused, &unused, &one, &m->n, &n_values, &n_vectors, w, z,
           &one, &one, m->desc, work, &lwork, iwork, &liwork, info, 1, 1, 1);
  PetscCall(PetscFree2(work, iwork));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveByQR(const BrenierBlockMatrix *m, PetscReal a[], PetscReal w[], PetscReal z[], int *info)
{
  const int one = 1, query = -1;
  double    work_size[1] = {0.0};
  double   *work;
  int       lwork;

  PetscFunctionBegin;
  pdsyev_("V", "L", &m->n, a, &one, &one, m->desc, w, z, &one, &one, m->desc, work_size, &query, info, 1, 1);
  if (*info) PetscFunctionReturn(PETSC_SUCCESS);
  lwork = (int)work_size[0];
  PetscCall(PetscMalloc1(lwork, &work));
  pdsyev_("V", "L", &m->n, a, &one, &one, m->desc, w, z, &one, &one, m->desc, work, &lwork, info, 1, 1);
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Squared Frobenius norms of A, of A Z - Z diag(w) and of the lower triangle of Z' Z - I: this process's share. */
static PetscErrorCode SquareDefects(const BrenierBlockMatrix *m, const PetscReal a[], const PetscReal w[],
                                    const PetscReal z[], PetscReal square[3])
{
  const int    i1  = 1;
  const double one = 1.0, zero = 0.0;
  PetscReal   *c;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(LocalCount(m), &c));
  pdsymm_("L", "L", &m->n, &m->n, &one, a, &i1, &i1, m->desc, z, &i1, &i1, m->desc, &zero, c, &i1, &i1, m->desc);
  for (size_t k = 0; k < LocalCount(m); ++k) {
    const int i = GlobalIndex((int)(k % (size_t)m->local_rows), m->row, m->rows);
    const int j = GlobalIndex((int)(k / (size_t)m->local_rows), m->col, m->cols);

    square[0] += (i == j ? 1.0 : 2.0) * PetscSqr(i >= j ? a[k] : 0.0);
    square[1] += PetscSqr(c[k] - w[j] * z[k]);
  }
  pdsyrk_("L", "T", &m->n, &m->n, &one, z, &i1, &i1, m->desc, &zero, c, &i1, &i1, m->desc);
  for (size_t k = 0; k < LocalCount(m); ++k) {
    const int i = GlobalIndex((int)(k % (size_t)m->local_rows), m->row, m->rows);
    const int j = GlobalIndex((int)(k / (size_t)m->local_rows), m->col, m->cols);

    if (i >= j) square[2] += i == j ? PetscSqr(c[k] - 1.0) : 2.0 * PetscSqr(c[k]);
  }
  PetscCall(PetscFree(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves with one solver and measures the result; w is then on all ranks. Collective on the matrix. */
static PetscErrorCode SolveAndMeasure(const BrenierBlockMatrix *m, GridSolver solve, const PetscReal a[], PetscReal w[],
                                      PetscReal z[], int *info, BrenierEigenCheck *check)
{
  PetscReal  square[3] = {0.0};
  PetscReal *work;

  PetscFunctionBegin;
  *info = 0;
  PetscCall(PetscMalloc1(LocalCount(m), &work));
  PetscCall(PetscArraycpy(work, a, LocalCount(m)));
  if (m->context >= 0) {
    PetscCall(solve(m, work, w, z, info));
    if (!*info) PetscCall(SquareDefects(m, a, w, z, square));
  }
  PetscCall(PetscFree(work));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, info, 1, MPI_INT, MPI_MAX, m->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, square, 3, MPIU_REAL, MPI_SUM, m->comm));
  // Rank 0 is always in the grid
  PetscCallMPI(MPI_Bcast(w, m->n, MPIU_REAL, 0, m->comm));
  check->residual      = square[0] > 0.0 ? PetscSqrtReal(square[1] / square[0]) : PetscSqrtReal(square[1]);
  check->orthogonality = PetscSqrtReal(square[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Written so that NaN fails. */
static PetscBool IsGood(const BrenierBlockMatrix *m, int info, const BrenierEigenCheck *check)
{
  const PetscReal bound = m->n * brenier_eigen_bound;

  return (PetscBool)(!info && check->residual <= bound && check->orthogonality <= bound);
}

/* Copies the vectors of the k largest eigenvalues to all ranks: everyone adds its entries to zeros, which is exact. */
static PetscErrorCode GatherVectors(const BrenierBlockMatrix *m, PetscInt k, const PetscReal z[], PetscReal v[])
{
  const PetscInt batch = PetscMax(1, brenier_reduce_count / m->n);

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(v, (size_t)k * (size_t)m->n));
  for (int jl = 0; jl < m->local_cols; ++jl) {
    const int row = m->n - 1 - GlobalIndex(jl, m->col, m->cols);

    for (int il = 0; il < m->local_rows && row < k; ++il)
      v[(size_t)row * (size_t)m->n + (size_t)GlobalIndex(il, m->row, m->rows)] =
          z[(size_t)jl * (size_t)m->local_rows + (size_t)il];
  }
  for (PetscInt first = 0; first < k; first += batch)
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, v + (size_t)first * (size_t)m->n,
                               (PetscMPIInt)(PetscMin(batch, k - first) * m->n), MPIU_REAL, MPI_SUM, m->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From ascending to descending order, from units to the matrix's own scale. */
static void ReverseAndScale(int n, PetscReal unit, PetscReal w[])
{
  for (int i = 0; i < n / 2; ++i) {
    const PetscReal swap = w[i];

    w[i]         = w[n - 1 - i];
    w[n - 1 - i] = swap;
  }
  for (int i = 0; i < n; ++i) w[i] *= unit;
}

static void FixSign(int n, PetscReal v[])
{
  PetscReal largest = 0.0;
  int       first   = 0;

  for (int i = 0; i < n; ++i) largest = PetscMax(largest, PetscAbsReal(v[i]));
  while (PetscAbsReal(v[first]) < (1.0 - brenier_sign_tie) * largest) ++first;
  if (v[first] < 0.0)
    for (int i = 0; i < n; ++i) v[i] = -v[i];
}

PetscErrorCode BrenierBlockMatrixEigen(const BrenierBlockMatrix *m, PetscInt k, PetscReal w[], PetscReal v[],
                                       BrenierEigenCheck *check)
{
  PetscReal  unit;
  PetscReal *a, *z;
  PetscBool  good = PETSC_FALSE;
  int        info;

  PetscFunctionBegin;
  PetscCall(GetUnit(m, &unit));
  PetscCall(PetscMalloc2(LocalCount(m), &a, LocalCount(m), &z));
  for (size_t i = 0; i < LocalCount(m); ++i) a[i] = m->value[i] / unit;
  if (m->n > brenier_small_order) {
    PetscCall(SolveAndMeasure(m, SolveByRelativelyRobust, a, w, z, &info, check));
    good = IsGood(m, info, check);
  }
  if (!good) PetscCall(SolveAndMeasure(m, SolveByQR, a, w, z, &info, check));
  PetscCheck(IsGood(m, info, check), m->comm, PETSC_ERR_NOT_CONVERGED,
             "eigenproblem of order %d: ScaLAPACK's result (info = %d) has relative residual %.2g and loss of "
             "orthogonality %.2g, above %.2g; try another number of ranks",
             m->n, info, (double)check->residual, (double)check->orthogonality, (double)(m->n * brenier_eigen_bound));
  ReverseAndScale(m->n, unit, w);
  PetscCall(GatherVectors(m, k, z, v));
  for (PetscInt i = 0; i < k; ++i) FixSign(m->n, v + (size_t)i * (size_t)m->n);
  PetscCall(PetscFree2(a, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierEigenSymmetric(MPI_Comm comm, PetscInt n, const PetscReal a[], PetscReal w[], PetscReal v[])
{
  BrenierBlockMatrix matrix;
  BrenierEigenCheck  check;

  PetscFunctionBegin;
  for (size_t i = 0; i < (size_t)n * (size_t)n; ++i)
    PetscCheck(!PetscIsInfOrNanReal(a[i]), comm, PETSC_ERR_NOT_CONVERGED,
               "eigenproblem of order %" PetscInt_FMT ": the matrix holds NaN or Inf", n);
  PetscCall(BrenierBlockMatrixCreate(comm, n, &matrix));
  BrenierBlockMatrixSetColumns(&matrix, 0, n, a);
  PetscCall(BrenierBlockMatrixEigen(&matrix, n, w, v, &check));
  PetscCall(BrenierBlockMatrixDestroy(&matrix));
  PetscFunctionReturn(PETSC_SUCCESS);
}
