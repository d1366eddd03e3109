/* targets.c - Implements the targets of brenier.h: rows in memory are checked on every rank, and agreed on. */
#include "library_impl.h"

/* Beyond this a dimension is a mistake (a transposed array), as for files. */
static const int64_t brenier_most_columns = 1000000;

/* ---- rows ---- */

void LibraryCheckRows(const brenier_rows *rows, const char what[], int64_t dim, BrenierFault *fault)
{
  if (rows->n < 0 || rows->n > PETSC_MAX_INT)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s: n is %lld; give the number of rows of this rank, 0 or more", what,
                    (long long)rows->n);
  else if (rows->dim < 1 || rows->dim > brenier_most_columns)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s: dim is %lld; give the numbers in a row, 1 to %lld", what,
                    (long long)rows->dim, (long long)brenier_most_columns);
  else if (dim && rows->dim != dim)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s: dim is %lld instead of %lld", what, (long long)rows->dim,
                    (long long)dim);
  else if (rows->type != BRENIER_DOUBLE && rows->type != BRENIER_FLOAT)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s: type is %d; give BRENIER_DOUBLE or BRENIER_FLOAT", what,
                    (int)rows->type);
  else if (rows->stride && rows->stride < rows->dim)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE,
                    "%s: the stride of %lld is below dim, %lld; give numbers from a row to the next, or 0", what,
                    (long long)rows->stride, (long long)rows->dim);
  else if (!rows->data && rows->n)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s: data is NULL, but n is %lld", what, (long long)rows->n);
}

/* Rows of different lengths on different ranks, or none anywhere. */
static PetscErrorCode CheckAlike(MPI_Comm comm, const brenier_rows *rows, const char what[], PetscBool needed)
{
  int64_t extent[3] = {rows->dim, -rows->dim, rows->n};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, extent, 3, MPI_INT64_T, MPI_MAX, comm));
  PetscCheck(extent[0] == -extent[1], comm, PETSC_ERR_USER_INPUT, "%s: dim is %lld on one rank and %lld on another",
             what, (long long)-extent[1], (long long)extent[0]);
  PetscCheck(!needed || extent[2] > 0, comm, PETSC_ERR_USER_INPUT, "%s: no rank has a row", what);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode LibraryReadRows(MPI_Comm comm, const brenier_rows *rows, const char what[], int64_t dim,
                               BrenierArray *array)
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  if (rows) LibraryCheckRows(rows, what, dim, &fault);
  else BrenierFaultSet(&fault, BRENIER_EXIT_USAGE, "%s: NULL instead of rows", what);
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscCall(CheckAlike(comm, rows, what, (PetscBool)(dim == 0)));
  PetscCall(BrenierArrayFromMemory(comm,
                                   &(BrenierMemoryRows){.data      = rows->data,
                                                        .is_single = (PetscBool)(rows->type == BRENIER_FLOAT),
                                                        .n         = (PetscInt)rows->n,
                                                        .dim       = (PetscInt)rows->dim,
                                                        .stride    = rows->stride ? rows->stride : rows->dim,
                                                        .borrow    = (PetscBool)(rows->borrow != 0)},
                                   what, array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- targets ---- */

/* Weights are on the ranks of their points, or on none. */
static PetscErrorCode CheckWeights(MPI_Comm comm, const brenier_rows *points, const brenier_rows *weights)
{
  BrenierFault fault    = {0};
  int          given[2] = {weights != NULL, weights == NULL};

  PetscFunctionBegin;
  if (points && weights && weights->n != points->n)
    BrenierFaultSet(&fault, BRENIER_EXIT_USAGE, "weights: %lld for the %lld targets of this rank; give one a target",
                    (long long)weights->n, (long long)points->n);
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, given, 2, MPI_INT, MPI_MAX, comm));
  PetscCheck(!given[0] || !given[1], comm, PETSC_ERR_USER_INPUT, "weights: given on some ranks, NULL on others");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes targets of arrays, which are freed. */
static PetscErrorCode Make(BrenierArray *points, BrenierArray *weights, BrenierTargets *targets)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  ierr = BrenierTargetsCreate(points, weights->comm ? weights : NULL, targets);
  PetscCall(BrenierArrayDestroy(points));
  PetscCall(BrenierArrayDestroy(weights));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateFromMemory(MPI_Comm comm, const brenier_rows *points, const brenier_rows *weights,
                                       BrenierTargets *targets)
{
  BrenierArray   array = {0}, weight = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(CheckWeights(comm, points, weights));
  PetscCall(LibraryReadRows(comm, points, "targets", 0, &array));
  if (weights) {
    ierr = LibraryReadRows(comm, weights, "weights", 1, &weight);
    if (ierr) PetscCall(BrenierArrayDestroy(&array));
    PetscCall(ierr);
  }
  PetscCall(Make(&array, &weight, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateFromFile(MPI_Comm comm, const char points[], const char weights[], BrenierTargets *targets)
{
  BrenierArray   array = {0}, weight = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(comm, points, BRENIER_ARRAY_POINTS, &array));
  if (weights) {
    ierr = BrenierArrayRead(comm, weights, BRENIER_ARRAY_WEIGHTS, &weight);
    if (ierr) PetscCall(BrenierArrayDestroy(&array));
    PetscCall(ierr);
  }
  PetscCall(Make(&array, &weight, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The object around targets. */
static brenier_code Wrap(brenier_context *context, BrenierTargets made, brenier_targets **targets)
{
  *targets = calloc(1, sizeof **targets);
  if (!*targets) return BRENIER_CODE_MEMORY;
  **targets = (brenier_targets){.context = context, .targets = made, .owners = 1};
  ++context->objects;
  return BRENIER_CODE_OK;
}

brenier_code brenier_targets_create(brenier_context *context, const brenier_rows *points, const brenier_rows *weights,
                                    brenier_targets **targets)
{
  BrenierTargets made = NULL;
  brenier_code   code;

  if (targets) *targets = NULL;
  if (!context || !targets) return LibraryRefuse("brenier_targets_create: %s is NULL", context ? "targets" : "context");
  LibraryBegin();
  code = LibraryEnd(CreateFromMemory(context->comm, points, weights, &made));
  return code ? code : Wrap(context, made, targets);
}

brenier_code brenier_targets_read(brenier_context *context, const char points[], const char weights[],
                                  brenier_targets **targets)
{
  BrenierTargets made = NULL;
  brenier_code   code;

  if (targets) *targets = NULL;
  if (!context || !points || !targets)
    return LibraryRefuse("brenier_targets_read: %s is NULL", !context ? "context" : !points ? "points" : "targets");
  LibraryBegin();
  code = LibraryEnd(CreateFromFile(context->comm, points, weights, &made));
  return code ? code : Wrap(context, made, targets);
}

PetscErrorCode LibraryReleaseTargets(brenier_targets **targets)
{
  brenier_targets *t = *targets;

  PetscFunctionBegin;
  *targets = NULL;
  if (!t || --t->owners) PetscFunctionReturn(PETSC_SUCCESS);
  --t->context->objects;
  PetscCall(BrenierTargetsDestroy(&t->targets));
  free(t);
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_targets_destroy(brenier_targets **targets)
{
  if (!targets || !*targets) return LibraryFine();
  LibraryBegin();
  return LibraryEnd(LibraryReleaseTargets(targets));
}

int64_t brenier_targets_count(const brenier_targets *targets)
{
  return targets ? targets->targets->n : 0;
}

int64_t brenier_targets_count_here(const brenier_targets *targets)
{
  return targets ? targets->targets->n_local : 0;
}

int64_t brenier_targets_first(const brenier_targets *targets)
{
  return targets ? targets->targets->first : 0;
}

int64_t brenier_targets_dim(const brenier_targets *targets)
{
  return targets ? targets->targets->dim : 0;
}

int64_t brenier_targets_merged(const brenier_targets *targets)
{
  return targets ? targets->targets->n_merged : 0;
}

const double *brenier_targets_points(const brenier_targets *targets)
{
  return targets ? targets->targets->y : NULL;
}

const double *brenier_targets_weights(const brenier_targets *targets)
{
  return targets ? targets->targets->nu : NULL;
}

const int64_t *brenier_targets_input_rows(const brenier_targets *targets)
{
  return targets ? targets->targets->row : NULL;
}
