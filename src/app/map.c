/* map.c - brenier map: where given points go, and the potentials there. */
#include "extend.h"

#include <brenier/array.h>
#include <brenier/dot.h>
#include <brenier/store.h>

static const BrenierOption map_options[] = {
    {"-o", "FILE", "output file (needed): /index, /code T(x), /potential u(x), /phi = |x|^2/2 - u(x)"},
    {"-t", "T", "also /position (1 - T) x + T T(x), 0 to 1: displacement interpolation"},
    {"-critic", "", "/phi alone, the Kantorovich potential, at any points"},
    BRENIER_EXTENSION_OPTIONS,
    BRENIER_ARRAY_OPTIONS,
    {NULL, NULL, NULL}};

/* What is known of the points of this rank, and what is wanted. */
typedef struct {
  BrenierArray x;
  PetscInt64  *index;
  PetscReal   *u, *phi, *code;
  PetscBool    critic, moves;
  PetscReal    t;
} Mapped;

/* Overwrites the codes by positions on the way to them. */
static void Interpolate(Mapped *m)
{
  const size_t n = (size_t)m->x.n_local * (size_t)m->x.dim;

  for (size_t k = 0; k < n; ++k) m->code[k] = (1.0 - m->t) * m->x.value[k] + m->t * m->code[k];
}

static PetscErrorCode WriteMap(const char path[], const BrenierExtend *extend, Mapped *m)
{
  const PetscInt n = m->x.n_local, dim = m->x.dim;
  /* index, potential and phi beside code and position */
  const PetscInt64 bytes = (PetscInt64)m->x.n * ((m->moves ? 2 : 1) * dim + 3) * 8 + (1 << 20);
  BrenierStore     store;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, path, bytes, "brenier-map", &store));
  PetscCall(BrenierStoreWriteRows(store, "/phi", BRENIER_F8, n, 0, m->phi, "source length times target length"));
  if (!m->critic) {
    PetscCall(BrenierExtendSetAttributes(extend, store));
    PetscCall(BrenierStoreWriteRows(store, "/index", BRENIER_I8, n, 0, m->index, "target, counted from 0"));
    PetscCall(BrenierStoreWriteRows(store, "/code", BRENIER_F8, n, dim, m->code, "same as the targets"));
    PetscCall(BrenierStoreWriteRows(store, "/potential", BRENIER_F8, n, 0, m->u, "source length times target length"));
  }
  if (m->moves) {
    Interpolate(m);
    PetscCall(BrenierStoreSetReal(store, "/", "t", m->t));
    PetscCall(BrenierStoreWriteRows(store, "/position", BRENIER_F8, n, dim, m->code, "same as the source"));
  }
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* phi, and its mean, which for points of the source and with the mean of psi estimates W2^2 / 2. */
static PetscErrorCode EvaluatePhi(Mapped *m, PetscReal *mean)
{
  const size_t dim = (size_t)m->x.dim;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < m->x.n_local; ++i) {
    const PetscReal *x = m->x.value + (size_t)i * dim;

    m->phi[i] = 0.5 * BrenierDot(dim, x, x) - m->u[i];
  }
  PetscCall(BrenierExactSum(PETSC_COMM_WORLD, m->x.n_local, 1, m->phi, mean));
  *mean /= (PetscReal)m->x.n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadMapOptions(char output[], Mapped *m, BrenierExtend *extend)
{
  PetscBool given;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(m, sizeof *m));
  PetscCall(BrenierOptionText("-o", PETSC_TRUE, PETSC_MAX_PATH_LEN, output, NULL));
  PetscCall(BrenierOptionReal("-t", 0.0, 1.0, &m->t, &m->moves));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-critic", &m->critic, NULL));
  PetscCall(BrenierOptionsExtend(PETSC_FALSE, extend));
  PetscCall(PetscOptionsHasName(NULL, NULL, "-extension", &given));
  PetscCheck(!m->critic || (!m->moves && !given), PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "-critic gives the potential alone; leave out %s", given ? "-extension" : "-t");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadPoints(const char *const argument[], BrenierTargets targets, Mapped *m)
{
  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, argument[1], BRENIER_ARRAY_POINTS, &m->x));
  PetscCheck(m->x.dim == targets->dim, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: points of dimension %" PetscInt_FMT ", but %s transports dimension %" PetscInt_FMT, argument[1],
             m->x.dim, argument[0], targets->dim);
  PetscCall(PetscMalloc4(m->x.n_local, &m->index, m->x.n_local, &m->u, m->x.n_local, &m->phi,
                         (size_t)m->x.n_local * (size_t)m->x.dim, &m->code));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunMap(const char *const argument[], BrenierExit *outcome)
{
  char           output[PETSC_MAX_PATH_LEN];
  BrenierTargets targets;
  BrenierResult  result;
  BrenierExtend  extend;
  Mapped         m;
  PetscReal      mean;
  Vec            h;

  PetscFunctionBegin;
  PetscCall(ReadMapOptions(output, &m, &extend));
  PetscCall(BrenierResultRead(PETSC_COMM_WORLD, argument[0], &result, &targets, &h));
  PetscCall(ReadPoints(argument, targets, &m));
  PetscCall(BrenierExtendSetUp(&extend, &result, targets, h));
  PetscCall(BrenierExtensionApply(&extend.extension, targets, h, m.x.n_local, m.x.value,
                                  &(BrenierExtended){m.index, m.u, m.code, NULL}));
  PetscCall(EvaluatePhi(&m, &mean));
  PetscCall(WriteMap(output, &extend, &m));
  PetscCall(BrenierSay("mapped %" PetscInt_FMT " point%s, mean of phi %.6g; output in %s", m.x.n, BrenierPlural(m.x.n),
                       (double)mean, output));
  PetscCall(BrenierLogEvent("map", "i points", (PetscInt64)m.x.n, "r mean_phi", mean, "s output", output, NULL));
  PetscCall(PetscFree4(m.index, m.u, m.phi, m.code));
  PetscCall(BrenierArrayDestroy(&m.x));
  PetscCall(BrenierExtendDestroy(&extend));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierSourceDestroy(&result.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierCommand brenier_command_map = {
    "map", "RESULT.h5 POINTS", 2, "maps given source points to targets", map_options, RunMap, PETSC_FALSE, PETSC_FALSE};
