/* map.c - brenier map: where given points go, and the potentials there. */
#include "class_option.h"
#include "conditions.h"
#include "extend.h"

#include <brenier/array.h>
#include <brenier/dot.h>
#include <brenier/store.h>

/* What is known of the points of this rank, and what is wanted. */
typedef struct {
  BrenierArray      x; /* pairs of points and conditions, where the result has conditions */
  BrenierConditions conditions;
  PetscInt          dim; /* of points and codes as they are written */
  PetscInt64       *index;
  PetscReal        *u, *phi, *code;
  PetscReal        *condition; /* of codes, shape [points here, columns] */
  PetscBool         critic, moves;
  PetscReal         t;
} Mapped;

#define MAP_OPTIONS(OWN)                                                                                               \
  OWN(OUTPUT, output, "-o", "FILE", .format = "brenier-map", .needed = PETSC_TRUE, .group = "map",                     \
      .text = "file to write: /index, /code T(x), /potential u(x), /phi = abs(x)^2/2 - u(x)")                          \
  OWN(REAL, t, "-t", "T", .low = 0.0, .high = 1.0,                                                                     \
      .text = "also write /position, the displacement interpolation (1 - t) x + t T(x) at t = T")                      \
  OWN(INPUT, conditions, "-conditions", "C", .rule = "none", .advanced = PETSC_TRUE,                                   \
      .text = "of a result with conditions (solve -conditions): conditions of the points, shape [N, q]")               \
  BRENIER_CODE_CONDITIONS_OPTION(OWN)                                                                                  \
  OWN(SWITCH, critic, "-critic", .text = "write only /phi, the Kantorovich potential; any points will do")             \
  BRENIER_DEVICE_OPTION(OWN)

typedef struct {
  MAP_OPTIONS(BRENIER_OPTION_MEMBER)
  ClassChoice class;
  BrenierExtensionOptions extend;
} MapRequest;

#define ROW(...)                     BRENIER_OPTION_ROW(MapRequest, __VA_ARGS__)
#define CLASS(kind, member, ...)     BRENIER_OPTION_ROW(MapRequest, kind, class.member, __VA_ARGS__)
#define EXTENSION(kind, member, ...) BRENIER_OPTION_ROW(MapRequest, kind, extend.member, __VA_ARGS__)
static const BrenierOption map_options[] = {MAP_OPTIONS(ROW) BRENIER_ARRAY_OPTIONS BRENIER_CLASS_OPTION(CLASS)
                                                BRENIER_EXTENSION_OPTIONS(EXTENSION) BRENIER_OPTION_END};

/* Overwrites the codes by positions on the way to them. */
static void Interpolate(Mapped *m)
{
  const size_t n = (size_t)m->x.n_local * (size_t)m->dim;

  for (size_t k = 0; k < n; ++k) m->code[k] = (1.0 - m->t) * m->x.value[k] + m->t * m->code[k];
}

static PetscErrorCode WriteMap(const char path[], const BrenierExtensionOptions *extend, PetscBool code_conditions,
                               Mapped *m)
{
  const PetscInt n = m->x.n_local, dim = m->dim;
  /* index, potential and phi beside code and position */
  const PetscInt64 bytes = (PetscInt64)m->x.n * ((m->moves ? 2 : 1) * dim + m->conditions.columns + 3) * 8 + (1 << 20);
  BrenierStore     store;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, path, bytes, "brenier-map", &store));
  PetscCall(BrenierStoreWriteRows(store, "/phi", BRENIER_F8, n, 0, m->phi, "source length times target length"));
  if (!m->critic) {
    PetscCall(BrenierExtensionOptionsSetAttributes(extend, store));
    PetscCall(BrenierStoreWriteRows(store, "/index", BRENIER_I8, n, 0, m->index, "target, counted from 0"));
    PetscCall(BrenierStoreWriteRows(store, "/code", BRENIER_F8, n, dim, m->code, "same as the targets"));
    if (code_conditions)
      PetscCall(BrenierStoreWriteRows(store, "/code_condition", BRENIER_F8, n, m->conditions.columns, m->condition,
                                      "same as the conditions"));
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

static PetscErrorCode ReadMapRequest(MapRequest *r, Mapped *m)
{
  PetscBool given;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(m, sizeof *m));
  PetscCall(PetscMemzero(r, sizeof *r));
  PetscCall(BrenierOptionsRead(map_options, r));
  PetscCall(BrenierDeviceSet(PETSC_COMM_WORLD, (BrenierDeviceUse)r->device));
  PetscCall(BrenierClassChoiceCheck(&r->class));
  PetscCall(BrenierExtensionOptionsCheck(PETSC_FALSE, &r->extend));
  PetscCall(BrenierOptionGiven("-t", &m->moves));
  PetscCall(BrenierOptionGiven("-extension", &given));
  PetscCheck(!r->critic || (!m->moves && !given && !r->code_conditions), PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -critic writes the potential only; leave out %s",
             given ? "-extension" : (m->moves ? "-t" : "-code_conditions"));
  m->critic = r->critic;
  m->t      = r->t;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadPoints(const char *const argument[], const MapRequest *r, BrenierTargets targets, Mapped *m)
{
  const PetscInt columns = m->conditions.columns;

  PetscFunctionBegin;
  PetscCall(BrenierConditionsCheckGiven(&m->conditions, r->conditions, argument[0]));
  PetscCall(BrenierOptionNeeds("-code_conditions", r->code_conditions, (PetscBool)(columns > 0),
                               "a result with conditions (solve -conditions)"));
  m->dim = targets->dim - columns;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, argument[1], BRENIER_ARRAY_POINTS, &m->x));
  PetscCheck(m->x.dim == m->dim, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: points of dimension %" PetscInt_FMT ", but %s transports dimension %" PetscInt_FMT, argument[1],
             m->x.dim, argument[0], m->dim);
  if (columns > 0) PetscCall(BrenierConditionsAppend(r->conditions, &m->conditions, &m->x));
  PetscCall(PetscMalloc5(m->x.n_local, &m->index, m->x.n_local, &m->u, m->x.n_local, &m->phi,
                         (size_t)m->x.n_local * (size_t)m->x.dim, &m->code, (size_t)m->x.n_local * (size_t)columns,
                         &m->condition));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points and codes without their conditions; those of the codes apart. */
static void Split(Mapped *m)
{
  BrenierConditionsSplit(&m->conditions, m->x.n_local, m->x.dim, m->x.value, m->condition);
  BrenierConditionsSplit(&m->conditions, m->x.n_local, m->x.dim, m->code, m->condition);
}

static PetscErrorCode RunMap(const char *const argument[], BrenierExit *outcome)
{
  MapRequest     r;
  BrenierTargets targets;
  BrenierResult  result;
  Mapped         m;
  PetscReal      mean;
  Vec            h;

  PetscFunctionBegin;
  PetscCall(ReadMapRequest(&r, &m));
  PetscCall(BrenierClassChoiceRead(&r.class, argument[0], &result, &targets, &h));
  m.conditions = result.conditions;
  PetscCall(ReadPoints(argument, &r, targets, &m));
  PetscCall(BrenierExtensionOptionsSetUp(&r.extend, &result, targets, h));
  PetscCall(BrenierExtensionApply(&r.extend.extension, targets, h, m.x.n_local, m.x.value,
                                  &(BrenierExtended){m.index, m.u, m.code, NULL}));
  PetscCall(EvaluatePhi(&m, &mean));
  Split(&m);
  PetscCall(WriteMap(r.output, &r.extend, r.code_conditions, &m));
  PetscCall(BrenierPrintWorld("mapped %" PetscInt_FMT " point%s, mean of phi %.6g; output in %s", m.x.n,
                              BrenierPlural(m.x.n), (double)mean, r.output));
  PetscCall(BrenierLogEvent("map", "i points", (PetscInt64)m.x.n, "r mean_phi", mean, "s output", r.output, NULL));
  PetscCall(BrenierDeviceReport(PETSC_COMM_WORLD));
  PetscCall(PetscFree5(m.index, m.u, m.phi, m.code, m.condition));
  PetscCall(BrenierArrayDestroy(&m.x));
  PetscCall(BrenierExtensionOptionsDestroy(&r.extend));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierSourceDestroy(&result.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const map_example[] = {
    "Carry given points, a row each, to targets:", "mpiexec -n 2 brenier map result.h5 points.npy -o mapped.h5", NULL};

const BrenierCommand brenier_command_map = {
    .name        = "map",
    .arguments   = "RESULT.h5 POINTS",
    .n_arguments = 2,
    .summary     = "evaluates the transport map and its potentials at given points",
    .description = "T(x) is the target whose plane attains the maximum of u at x. With -extension linear it is a mean "
                   "of the nearest targets. The potentials of a result with conditions are functions of "
                   "(x, sqrt(B) c).",
    .files       = "RESULT.h5 is written by solve. POINTS is file.npy or file.h5:/dataset, shape [N, d]. The output "
                   "holds /index, /code, /potential and /phi.",
    .example     = map_example,
    .see_also    = "solve sample",
    .option      = map_options,
    .run         = RunMap};
