/* test_library.c - Calls the public face as a user does: what it gives against closed forms and plain loops, and one
   sentence with a code for what is wrong. With the argument "petsc" PETSc is the caller's. */
#include <brenier/brenier.h>

#include <glob.h>
#include <math.h>
#include <petscsys.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { N = 60, DIM = 5, STRIDE = 7, POINTS = 20 };

static int rank, size;

#define EXPECT(condition, ...)                                                                                         \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: rank %d: not %s; ", __FILE__, __LINE__, rank, #condition);                               \
      fprintf(stderr, __VA_ARGS__);                                                                                    \
      fprintf(stderr, " (%s)\n", brenier_message());                                                                   \
      MPI_Abort(MPI_COMM_WORLD, 1);                                                                                    \
    }                                                                                                                  \
  } while (0)

#define CALL(call) EXPECT((call) == BRENIER_CODE_OK, "a call failed")

/* What a call answers that is wrong: its code, and words of its sentence. */
#define REFUSED(call, wanted, words)                                                                                   \
  do {                                                                                                                 \
    const brenier_code got = (call);                                                                                   \
    EXPECT(got == (wanted) && strstr(brenier_message(), words), "code %d instead of %d, or not '%s'", (int)got,        \
           (int)(wanted), words);                                                                                      \
  } while (0)

/* Rows [first, first + n) of this rank of a cloud of N rows, the same for any number of ranks. */
static int64_t first_row(int of)
{
  return (int64_t)N * of / size;
}

static int64_t rows_here(void)
{
  return first_row(rank + 1) - first_row(rank);
}

static void fill(double y[N][DIM], double nu[N])
{
  for (int64_t i = 0; i < rows_here(); ++i) {
    brenier_random_normal(3, 0, (uint64_t)(first_row(rank) + i), DIM, y[i]);
    brenier_random_uniform(3, 1, (uint64_t)(first_row(rank) + i), 1, &nu[i]);
    nu[i] += 0.5;
  }
}

static brenier_targets *make_targets(brenier_context *context)
{
  double           y[N][DIM], nu[N];
  brenier_targets *targets;

  fill(y, nu);
  CALL(brenier_targets_create(context, &(brenier_rows){.data = y, .n = rows_here(), .dim = DIM},
                              &(brenier_rows){.data = nu, .n = rows_here(), .dim = 1}, &targets));
  return targets;
}

static double sum(double x)
{
  MPI_Allreduce(MPI_IN_PLACE, &x, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return x;
}

/* ---- the library and its contexts ---- */

static void check_names(void)
{
  char version[32];

  snprintf(version, sizeof version, "%d.%d.%d", BRENIER_VERSION_MAJOR, BRENIER_VERSION_MINOR, BRENIER_VERSION_PATCH);
  EXPECT(!strcmp(version, brenier_version()), "%s and %s", version, brenier_version());
  EXPECT(!strcmp(brenier_code_text(BRENIER_CODE_OK), "done"), "text");
  for (int code = 1; code <= 7; ++code) EXPECT(brenier_code_text((brenier_code)code)[0], "no text of %d", code);
  EXPECT(!strcmp(brenier_source_name(0), "gaussian") && !brenier_source_name(-1) && !brenier_source_name(1000),
         "names");
  EXPECT(strstr(brenier_history_columns(), "iteration,"), "columns");
}

typedef struct {
  int              lines;
  brenier_context *stops; /* asks to stop at its third line */
} Heard;

static void hear(void *user, int is_warning, const char line[])
{
  Heard *heard = user;

  EXPECT(!strchr(line, '\n') && (is_warning == 0 || is_warning == 1), "line");
  if (++heard->lines == 3) brenier_context_request_stop(heard->stops);
}

static void check_contexts(void)
{
  brenier_context *context = NULL, *none = NULL;
  int              ranks;

  REFUSED(brenier_context_create(MPI_COMM_NULL, &context), BRENIER_CODE_ARGUMENT, "MPI_COMM_NULL");
  REFUSED(brenier_context_create(MPI_COMM_WORLD, NULL), BRENIER_CODE_ARGUMENT, "NULL");
  CALL(brenier_context_create(MPI_COMM_WORLD, &context));
  MPI_Comm_size(brenier_context_comm(context), &ranks);
  EXPECT(ranks == size, "%d ranks", ranks);
  EXPECT(brenier_context_comm(NULL) == MPI_COMM_NULL, "comm of NULL");
  REFUSED(brenier_context_set_threads(context, 0), BRENIER_CODE_ARGUMENT, "0 threads");
  REFUSED(brenier_context_set_threads(NULL, 1), BRENIER_CODE_ARGUMENT, "NULL");
  REFUSED(brenier_context_set_printer(NULL, NULL, NULL), BRENIER_CODE_ARGUMENT, "NULL");
  REFUSED(brenier_context_set_log(NULL, NULL), BRENIER_CODE_ARGUMENT, "NULL");
  REFUSED(brenier_context_set_log(context, "/there/is/no/folder"), BRENIER_CODE_IO, "/there/is/no/folder");
  REFUSED(brenier_context_set_stop_file(NULL, NULL), BRENIER_CODE_ARGUMENT, "NULL");
  REFUSED(brenier_context_catch_signals(NULL), BRENIER_CODE_ARGUMENT, "NULL");
  REFUSED(brenier_finalize(), BRENIER_CODE_ARGUMENT, "1 context is still there");
  CALL(brenier_context_set_threads(context, 2));
  CALL(brenier_context_catch_signals(context));
  CALL(brenier_context_set_stop_file(context, "there-is-no-such-file"));
  brenier_context_request_stop(NULL);
  CALL(brenier_context_destroy(&context));
  CALL(brenier_context_destroy(&none));
  CALL(brenier_context_destroy(NULL));
}

/* ---- targets ---- */

/* The same rows, by other ways. */
static void check_same(brenier_context *context, brenier_targets *targets)
{
  float            single[N][STRIDE];
  double           y[N][DIM], nu[N];
  brenier_targets *other;

  fill(y, nu);
  for (int64_t i = 0; i < rows_here(); ++i)
    for (int k = 0; k < STRIDE; ++k) single[i][k] = k < DIM ? (float)y[i][k] : NAN;
  CALL(brenier_targets_create(
      context, &(brenier_rows){.data = single, .type = BRENIER_FLOAT, .n = rows_here(), .dim = DIM, .stride = STRIDE},
      NULL, &other));
  for (int64_t i = 0; i < rows_here() * DIM; ++i)
    EXPECT(brenier_targets_points(other)[i] == (double)(float)brenier_targets_points(targets)[i], "row");
  CALL(brenier_targets_destroy(&other));
  CALL(brenier_targets_create(context, &(brenier_rows){.data = y, .n = rows_here(), .dim = DIM, .borrow = 1}, NULL,
                              &other));
  EXPECT(brenier_targets_points(other) == &y[0][0], "not borrowed");
  EXPECT(fabs(sum((double)rows_here() ? brenier_targets_weights(other)[0] * (double)rows_here() : 0.0) - 1.0) < 1e-12,
         "weights");
  CALL(brenier_targets_destroy(&other));
}

static void check_targets(brenier_context *context)
{
  const double     twins[2][2] = {{1.0, 2.0}, {1.0, 2.0}};
  double           all         = 0.0;
  brenier_targets *targets     = make_targets(context), *equal;

  EXPECT(brenier_targets_count(targets) == N && brenier_targets_dim(targets) == DIM, "shape");
  EXPECT(brenier_targets_count_here(targets) == rows_here(), "rows here");
  EXPECT(brenier_targets_first(targets) == first_row(rank) && brenier_targets_merged(targets) == 0, "first");
  for (int64_t i = 0; i < rows_here(); ++i) {
    all += brenier_targets_weights(targets)[i];
    EXPECT(brenier_targets_input_rows(targets)[i] == first_row(rank) + i, "input row");
  }
  EXPECT(fabs(sum(all) - 1.0) < 1e-12, "weights sum to %g", all);
  check_same(context, targets);
  CALL(brenier_targets_create(context, &(brenier_rows){.data = twins, .n = 2, .dim = 2}, NULL, &equal));
  EXPECT(brenier_targets_count(equal) == 1 && brenier_targets_merged(equal) == 2 * size - 1, "twins");
  CALL(brenier_targets_destroy(&equal));
  CALL(brenier_targets_destroy(&targets));
  CALL(brenier_targets_destroy(&targets));
  EXPECT(!brenier_targets_count(NULL) && !brenier_targets_points(NULL), "of NULL");
}

/* Writes n numbers as a NumPy file. */
static void write_npy(const char path[], const char shape[], int n, const double x[])
{
  char  header[128];
  FILE *file = fopen(path, "wb");

  EXPECT(file, "cannot write %s", path);
  memset(header, ' ', sizeof header);
  memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
  header[10 + snprintf(header + 10, sizeof header - 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }",
                       shape)] = ' ';
  header[sizeof header - 1]    = '\n';
  EXPECT(fwrite(header, sizeof header, 1, file) == 1 && fwrite(x, sizeof *x, (size_t)n, file) == (size_t)n, "write");
  fclose(file);
}

static void check_files(brenier_context *context, const char path[])
{
  const double     y[] = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, nu[] = {1.0, 1.0, 2.0};
  char             points[96], weights[96];
  brenier_targets *t;

  snprintf(points, sizeof points, "%s-points.npy", path);
  snprintf(weights, sizeof weights, "%s-weights.npy", path);
  if (rank == 0) write_npy(points, "3, 2", 6, y);
  if (rank == 0) write_npy(weights, "3,", 3, nu);
  MPI_Barrier(MPI_COMM_WORLD);
  CALL(brenier_targets_read(context, points, weights, &t));
  EXPECT(brenier_targets_count(t) == 3 && brenier_targets_dim(t) == 2, "shape");
  for (int64_t i = 0; i < brenier_targets_count_here(t); ++i) {
    const int64_t k = brenier_targets_first(t) + i;

    EXPECT(brenier_targets_points(t)[2 * i] == y[2 * k] && brenier_targets_weights(t)[i] == nu[k] / 4.0, "row");
  }
  CALL(brenier_targets_destroy(&t));
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) unlink(points), unlink(weights);
}

/* Rows that are wrong on the last rank alone are wrong on all. */
static void check_wrong_rows(brenier_context *context)
{
  const int          last    = rank == size - 1;
  double             y[2][2] = {{1.0, 2.0}, {3.0, 4.0}}, nu[2] = {1.0, 1.0};
  const brenier_rows right = {.data = y, .n = 2, .dim = 2}, weights = {.data = nu, .n = 2, .dim = 1};
  brenier_targets   *t = NULL;

#define WRONG_ROWS(change, code, words)                                                                                \
  do {                                                                                                                 \
    brenier_rows rows = right;                                                                                         \
    if (last) rows.change;                                                                                             \
    REFUSED(brenier_targets_create(context, &rows, NULL, &t), code, words);                                            \
    EXPECT(!t, "targets");                                                                                             \
  } while (0)

  WRONG_ROWS(n = -1, BRENIER_CODE_ARGUMENT, "n is -1");
  WRONG_ROWS(dim = 0, BRENIER_CODE_ARGUMENT, "dim is 0");
  WRONG_ROWS(stride = 1, BRENIER_CODE_ARGUMENT, "stride of 1");
  WRONG_ROWS(data = NULL, BRENIER_CODE_ARGUMENT, "data is NULL");
  WRONG_ROWS(type = (brenier_type)7, BRENIER_CODE_ARGUMENT, "type is 7");
  if (size > 1) WRONG_ROWS(dim = 1, BRENIER_CODE_ARGUMENT, "dim is 1 on one rank");
  REFUSED(brenier_targets_create(context, &(brenier_rows){.n = 0, .dim = 2}, NULL, &t), BRENIER_CODE_ARGUMENT,
          "no rank has a row");
  REFUSED(brenier_targets_create(context, last ? NULL : &right, NULL, &t), BRENIER_CODE_ARGUMENT, "NULL");
  REFUSED(brenier_targets_create(NULL, &right, NULL, &t), BRENIER_CODE_ARGUMENT, "context is NULL");
  REFUSED(brenier_targets_create(context, &right, NULL, NULL), BRENIER_CODE_ARGUMENT, "targets is NULL");
  if (size > 1)
    REFUSED(brenier_targets_create(context, &right, last ? NULL : &weights, &t), BRENIER_CODE_ARGUMENT,
            "NULL on others");
  REFUSED(brenier_targets_create(context, &right, &(brenier_rows){.data = nu, .n = 1, .dim = 1}, &t),
          BRENIER_CODE_ARGUMENT, "weights: 1 for the 2 targets");
  if (last) y[1][0] = NAN;
  REFUSED(brenier_targets_create(context, &right, NULL, &t), BRENIER_CODE_INPUT, "is NaN");
  y[1][0] = last ? 1e200 : 3.0;
  REFUSED(brenier_targets_create(context, &right, NULL, &t), BRENIER_CODE_INPUT, "1e+200");
  y[1][0] = 3.0;
  if (last) nu[1] = -1.0;
  REFUSED(brenier_targets_create(context, &right, &weights, &t), BRENIER_CODE_INPUT, "is -1");
  REFUSED(brenier_targets_read(context, "there-is-none.npy", NULL, &t), BRENIER_CODE_IO, "there-is-none.npy");
  REFUSED(brenier_targets_read(context, NULL, NULL, &t), BRENIER_CODE_ARGUMENT, "points is NULL");
}

/* ---- solve ---- */

static void check_wrong_options(brenier_targets *targets)
{
  brenier_options right;
  brenier_result *r = NULL;

  brenier_options_default(NULL);
  brenier_options_default(&right);
#define WRONG_OPTION(change, code, words)                                                                              \
  do {                                                                                                                 \
    brenier_options o = right;                                                                                         \
    if (rank == size - 1) o.change;                                                                                    \
    REFUSED(brenier_solve(targets, &o, &r), code, words);                                                              \
    EXPECT(!r, "result");                                                                                              \
  } while (0)

  WRONG_OPTION(tol = NAN, BRENIER_CODE_ARGUMENT, "tol is nan");
  WRONG_OPTION(tol = -1.0, BRENIER_CODE_ARGUMENT, "tol is -1");
  WRONG_OPTION(tol = 0.0, BRENIER_CODE_ARGUMENT, "neither tol nor curves");
  WRONG_OPTION(curves = -1, BRENIER_CODE_ARGUMENT, "curves is -1");
  WRONG_OPTION(held_out_curves = 3, BRENIER_CODE_ARGUMENT, "held_out_curves is 3");
  WRONG_OPTION(seed = -1, BRENIER_CODE_ARGUMENT, "seed is -1");
  WRONG_OPTION(max_iterations = -1, BRENIER_CODE_ARGUMENT, "max_iterations is -1");
  WRONG_OPTION(max_time = -1.0, BRENIER_CODE_ARGUMENT, "max_time");
  WRONG_OPTION(checkpoint = "c", BRENIER_CODE_ARGUMENT, "checkpoint needs output");
  WRONG_OPTION(source = NULL, BRENIER_CODE_ARGUMENT, "source is NULL");
  if (size > 1) WRONG_OPTION(seed = 2, BRENIER_CODE_ARGUMENT, "differ between ranks");
  right.source = "unheard";
  REFUSED(brenier_solve(targets, &right, &r), BRENIER_CODE_ARGUMENT, "no source 'unheard'");
  REFUSED(brenier_solve(NULL, NULL, &r), BRENIER_CODE_ARGUMENT, "targets is NULL");
  REFUSED(brenier_solve(targets, NULL, NULL), BRENIER_CODE_ARGUMENT, "result is NULL");
}

/* What must hold of any result. */
static void check_result(brenier_targets *targets, const brenier_result *r)
{
  const brenier_targets    *t = brenier_result_targets(r);
  const brenier_measurement m = brenier_result_measurement(r);
  const int64_t             n = brenier_targets_count_here(t);
  const double             *y = brenier_targets_points(t), *row;
  double                    psi[N], mass = 0.0, gauge = 0.0;

  EXPECT(t == targets, "targets");
  EXPECT(m.rho <= m.rho_high && m.rho_low <= m.rho && m.rho_high < 0.2, "rho %g", m.rho);
  EXPECT(m.curves > 0 && m.w2_bound_low <= m.w2 && m.w2 <= m.w2_bound_high, "w2 %g", m.w2);
  EXPECT(!strcmp(brenier_result_status(r), "converged"), "status");
  EXPECT(!strcmp(brenier_result_source(r), "gaussian"), "source");
  CALL(brenier_result_potentials(r, psi));
  for (int64_t i = 0; i < n; ++i) {
    double square = 0.0;

    for (int k = 0; k < DIM; ++k) square += y[i * DIM + k] * y[i * DIM + k];
    mass += brenier_result_masses(r)[i];
    gauge += brenier_targets_weights(t)[i] * brenier_result_heights(r)[i];
    EXPECT(fabs(psi[i] - 0.5 * square - brenier_result_heights(r)[i]) < 1e-12, "psi");
    EXPECT(brenier_result_mass_errors(r)[i] >= 0.0, "error");
    EXPECT(fabs(brenier_result_barycentres(r)[i * DIM]) < 10.0, "barycentre");
  }
  EXPECT(fabs(sum(mass) - 1.0) < 1e-12 && fabs(sum(gauge)) < 1e-12, "sums");
  EXPECT(brenier_result_history(r, &row) > 0 && row[0] == 0.0, "history");
  REFUSED(brenier_result_potentials(NULL, psi), BRENIER_CODE_ARGUMENT, "result is NULL");
}

/* Heights, masses and numbers are those that were written. */
static void check_file(brenier_context *context, const brenier_result *r, const char path[])
{
  brenier_result *again = NULL;

  REFUSED(brenier_result_write(r, "/there/is/no/folder.h5"), BRENIER_CODE_IO, "/there/is/no/folder.h5");
  REFUSED(brenier_result_write(r, NULL), BRENIER_CODE_ARGUMENT, "path is NULL");
  REFUSED(brenier_result_read(context, "there-is-none.h5", &again), BRENIER_CODE_IO, "there-is-none.h5");
  REFUSED(brenier_result_read(context, NULL, &again), BRENIER_CODE_ARGUMENT, "path is NULL");
  CALL(brenier_result_write(r, path));
  CALL(brenier_result_read(context, path, &again));
  EXPECT(brenier_result_history(again, NULL) == 0, "history");
  EXPECT(brenier_result_measurement(again).w2 == brenier_result_measurement(r).w2, "w2");
  EXPECT(brenier_result_measurement(again).curves == brenier_result_measurement(r).curves, "curves");
  // A file's rows are split evenly, as this rank's were, but for one
  if (brenier_targets_first(brenier_result_targets(again)) == first_row(rank))
    EXPECT(brenier_result_heights(again)[0] == brenier_result_heights(r)[0] &&
               brenier_result_masses(again)[0] == brenier_result_masses(r)[0],
           "heights");
  CALL(brenier_result_write(again, path));
  CALL(brenier_result_destroy(&again));
  CALL(brenier_result_read(context, path, &again));
  EXPECT(brenier_result_measurement(again).gap == brenier_result_measurement(r).gap, "gap");
  REFUSED(brenier_context_destroy(&context), BRENIER_CODE_ARGUMENT, "are still there");
  CALL(brenier_result_destroy(&again));
  CALL(brenier_result_destroy(&again));
}

/* A result that does not fit leaves nothing behind, and can be written again. */
static void check_full_disk(const brenier_result *r, const char path[])
{
  struct rlimit before, few = {.rlim_cur = 1 << 14};
  char          full[96];
  glob_t        found;

  snprintf(full, sizeof full, "%s-full", path);
  getrlimit(RLIMIT_FSIZE, &before);
  few.rlim_max = before.rlim_max;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &few);
  REFUSED(brenier_result_write(r, full), BRENIER_CODE_IO, full);
  setrlimit(RLIMIT_FSIZE, &before);
  MPI_Barrier(MPI_COMM_WORLD);
  strcat(full, "*");
  EXPECT(glob(full, 0, NULL, &found) == GLOB_NOMATCH, "a file is left: %s", found.gl_pathv[0]);
}

/* ---- what a result is for ---- */

/* The highest plane at x, by a loop over this rank's targets and a reduction. */
static void highest(const brenier_result *r, const double x[], double *u, int64_t *index)
{
  const brenier_targets *t     = brenier_result_targets(r);
  double                 best  = -1e300, all;
  int64_t                which = 0;

  for (int64_t i = 0; i < brenier_targets_count_here(t); ++i) {
    double value = brenier_result_heights(r)[i];

    for (int k = 0; k < DIM; ++k) value += x[k] * brenier_targets_points(t)[i * DIM + k];
    if (value <= best) continue;
    best  = value;
    which = brenier_targets_first(t) + i;
  }
  MPI_Allreduce(&best, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  which = best == all ? which : 0;
  MPI_Allreduce(&which, index, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
  *u = all;
}

/* Largest difference of two arrays of points. */
static double farthest(const double a[], const double b[])
{
  double far = 0.0;

  for (int i = 0; i < POINTS * DIM; ++i) far = fmax(far, fabs(a[i] - b[i]));
  return far;
}

static void check_map(const brenier_result *r)
{
  double            x[POINTS][DIM], code[POINTS][DIM], mean[POINTS][DIM], u[POINTS], best;
  int64_t           index[POINTS], again[POINTS], which;
  int               crosses[POINTS];
  brenier_rows      points = {.data = x, .n = POINTS, .dim = DIM};
  brenier_extension e;

  CALL(brenier_sample(r, 5, 0, POINTS, &x[0][0], again, &code[0][0])); // the same on all ranks
  CALL(brenier_map(r, &points, index, u, &code[0][0]));
  for (int i = 0; i < POINTS; ++i) {
    highest(r, x[i], &best, &which);
    EXPECT(index[i] == which && again[i] == which && fabs(u[i] - best) < 1e-12, "point %d", i);
  }
  brenier_extension_default(&e);
  e.neighbours = 1;
  CALL(brenier_map_extended(r, &e, &points, NULL, &mean[0][0], NULL));
  EXPECT(!memcmp(mean, code, sizeof mean), "one neighbour is the map");
  e.neighbours = 2;
  e.threshold  = 0.0;
  CALL(brenier_map_extended(r, &e, &points, again, &mean[0][0], crosses));
  EXPECT(farthest(&mean[0][0], &code[0][0]) < 1e-14 && crosses[0] == 1 && again[0] == index[0], "all means cross");
  CALL(brenier_map_extended(r, NULL, &points, NULL, &mean[0][0], crosses));
  EXPECT(memcmp(mean, code, sizeof mean) && crosses[0] == 0, "means");
  CALL(brenier_map(r, &(brenier_rows){.n = 0, .dim = DIM}, NULL, NULL, NULL));
  e.neighbours = 0;
  REFUSED(brenier_map_extended(r, &e, &points, NULL, &mean[0][0], NULL), BRENIER_CODE_ARGUMENT, "0 neighbours");
  REFUSED(brenier_map_extended(r, &e, &points, NULL, NULL, NULL), BRENIER_CODE_ARGUMENT, "code is NULL");
  REFUSED(brenier_map(NULL, &points, NULL, NULL, NULL), BRENIER_CODE_ARGUMENT, "result is NULL");
  points.dim = DIM - 1;
  REFUSED(brenier_map(r, &points, NULL, NULL, NULL), BRENIER_CODE_ARGUMENT, "dim is 4 instead of 5");
  points.dim = DIM;
  x[0][0]    = INFINITY;
  REFUSED(brenier_map(r, &points, NULL, NULL, NULL), BRENIER_CODE_INPUT, "infinite");
  REFUSED(brenier_sample(r, -1, 0, 1, &x[0][0], NULL, NULL), BRENIER_CODE_ARGUMENT, "seed -1");
  REFUSED(brenier_sample(NULL, 1, 0, 1, NULL, NULL, NULL), BRENIER_CODE_ARGUMENT, "result is NULL");
  brenier_extension_default(NULL);
}

static void check_check(const brenier_result *r)
{
  brenier_measurement m;

  CALL(brenier_check(r, 0, 1, &m));
  EXPECT(m.rho_low <= 0.15 && m.rho_high < 0.3, "rho %g to %g", m.rho_low, m.rho_high);
  EXPECT(m.curves > brenier_targets_count(brenier_result_targets(r)), "curves");
  REFUSED(brenier_check(r, 3, 1, &m), BRENIER_CODE_ARGUMENT, "3 curves");
  REFUSED(brenier_check(r, 0, -1, &m), BRENIER_CODE_ARGUMENT, "seed -1");
  REFUSED(brenier_check(r, 0, 1, NULL), BRENIER_CODE_ARGUMENT, "measurement is NULL");
}

static void check_facets(const brenier_result *r)
{
  double          low, high, mass = 0.0;
  int64_t         mode[N], n_modes;
  brenier_facets *f = NULL;

  REFUSED(brenier_facets_measure(r, (brenier_angle)5, 0, 1, &f), BRENIER_CODE_ARGUMENT, "angle is 5");
  REFUSED(brenier_facets_measure(r, BRENIER_LIFTED, 5, 1, &f), BRENIER_CODE_ARGUMENT, "5 curves");
  CALL(brenier_facets_measure(r, BRENIER_UNLIFTED, 2000, 1, &f));
  for (int64_t i = 0; i < brenier_facets_count_here(f); ++i) {
    EXPECT(brenier_facets_pairs(f)[2 * i] < brenier_facets_pairs(f)[2 * i + 1], "pair");
    EXPECT(brenier_facets_angles(f)[i] > 0.0 && brenier_facets_angles(f)[i] <= 180.0, "angle");
    mass += brenier_facets_masses(f)[i];
  }
  EXPECT(sum(mass) > 0.0, "mass");
  CALL(brenier_facets_quantile(f, 0.1, &low));
  CALL(brenier_facets_quantile(f, 0.9, &high));
  EXPECT(low < high, "quantiles");
  CALL(brenier_facets_modes(f, 180.0, mode, &n_modes));
  EXPECT(n_modes == 1, "%lld modes", (long long)n_modes);
  CALL(brenier_facets_modes(f, -1.0, mode, &n_modes));
  EXPECT(n_modes == N, "%lld modes", (long long)n_modes);
  REFUSED(brenier_facets_quantile(f, 2.0, &low), BRENIER_CODE_ARGUMENT, "q is 2");
  REFUSED(brenier_facets_modes(f, NAN, mode, &n_modes), BRENIER_CODE_ARGUMENT, "not a number");
  CALL(brenier_facets_destroy(&f));
  CALL(brenier_facets_destroy(&f));
}

/* ---- start, stop and continue ---- */

static void check_start(brenier_targets *targets, const brenier_result *r)
{
  brenier_options  options;
  brenier_context *other;
  brenier_targets *elsewhere;
  brenier_result  *next;

  brenier_options_default(&options);
  options.start = r;
  options.seed  = 2;
  CALL(brenier_context_create(MPI_COMM_WORLD, &other));
  elsewhere = make_targets(other);
  REFUSED(brenier_solve(elsewhere, &options, &next), BRENIER_CODE_ARGUMENT, "another context");
  CALL(brenier_targets_destroy(&elsewhere));
  CALL(brenier_context_destroy(&other));
  CALL(brenier_solve(targets, &options, &next));
  EXPECT(brenier_result_history(next, NULL) <= brenier_result_history(r, NULL), "a start takes no more iterations");
  CALL(brenier_result_destroy(&next));
}

/* Limits of time and a file that appears: the heights reached, measured. */
static void check_limits(brenier_context *context, brenier_targets *targets, const char path[])
{
  char            stop[96];
  brenier_options options;
  brenier_result *next;

  brenier_options_default(&options);
  options.max_time = 1e-3;
  REFUSED(brenier_solve(targets, &options, &next), BRENIER_CODE_TOLERANCE, "stopped: time limit");
  CALL(brenier_result_destroy(&next));
  snprintf(stop, sizeof stop, "%s.stop", path);
  if (rank == 0) fclose(fopen(stop, "w"));
  MPI_Barrier(MPI_COMM_WORLD);
  CALL(brenier_context_set_stop_file(context, stop));
  REFUSED(brenier_solve(targets, NULL, &next), BRENIER_CODE_TOLERANCE, "stopped: stop file");
  CALL(brenier_result_destroy(&next));
  CALL(brenier_context_set_stop_file(context, NULL));
  if (rank == 0) unlink(stop);
}

static void check_stop(brenier_context *context, brenier_targets *targets, const brenier_result *r, const char path[])
{
  char            checkpoint[256];
  brenier_options options;
  brenier_result *next;
  Heard           heard = {.stops = context};

  snprintf(checkpoint, sizeof checkpoint, "%s.ckpt", path);
  brenier_options_default(&options);
  CALL(brenier_context_set_printer(context, hear, &heard));
  REFUSED(brenier_solve(targets, &options, &next), BRENIER_CODE_TOLERANCE, "stopped: signal");
  EXPECT(next, "no result");
  CALL(brenier_result_destroy(&next));
  options.output     = path;
  options.checkpoint = checkpoint;
  heard.lines        = 0;
  REFUSED(brenier_solve(targets, &options, &next), BRENIER_CODE_STOPPED, "stopped");
  EXPECT(!next, "result");
  heard.stops = NULL;
  for (int again = 0; again < 2; ++again) { // goes on, then is finished already
    CALL(brenier_solve(targets, &options, &next));
    EXPECT(!memcmp(brenier_result_heights(next), brenier_result_heights(r), (size_t)rows_here() * sizeof(double)),
           "the same bits as without a stop");
    CALL(brenier_result_destroy(&next));
  }
  options.seed = 9;
  REFUSED(brenier_solve(targets, &options, &next), BRENIER_CODE_INPUT, "seed");
  CALL(brenier_context_set_printer(context, brenier_print_to_streams, NULL));
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) unlink(checkpoint);
}

/* Rows that are all on the last rank, which lends them: as if they were copied. */
static void check_lent(brenier_context *context)
{
  const int64_t    n = rank == size - 1 ? N : 0;
  double           y[N][DIM];
  brenier_targets *targets;
  brenier_result  *r[2];
  brenier_options  options;

  brenier_options_default(&options);
  options.curves = 3000;
  for (int lent = 0; lent < 2; ++lent) {
    for (int64_t i = 0; i < n; ++i) brenier_random_normal(7, 0, (uint64_t)i, DIM, y[i]);
    CALL(brenier_targets_create(context, &(brenier_rows){.data = n ? y : NULL, .n = n, .dim = DIM, .borrow = lent},
                                NULL, &targets));
    CALL(brenier_solve(targets, &options, &r[lent]));
    CALL(brenier_targets_destroy(&targets));
  }
  EXPECT(!memcmp(brenier_result_heights(r[0]), brenier_result_heights(r[1]), (size_t)n * sizeof(double)), "heights");
  CALL(brenier_result_destroy(&r[0]));
  CALL(brenier_result_destroy(&r[1]));
}

/* ---- sources ---- */

static void own_curve(void *user, int dim, int ambient, uint64_t seed, uint32_t stream, uint64_t index, double z1[],
                      double z2[])
{
  (void)user, (void)ambient;
  brenier_random_normal(seed, stream, 2 * index, (size_t)dim, z1);
  brenier_random_normal(seed, stream, 2 * index + 1, (size_t)dim, z2);
}

static void own_point(void *user, int dim, int ambient, uint64_t seed, uint32_t stream, uint64_t index, double x[])
{
  (void)user, (void)ambient;
  brenier_random_normal(seed, stream, index, (size_t)dim, x);
}

static double own_moment(void *user, int ambient)
{
  (void)user;
  return ambient;
}

/* The Gaussian under another name gives the same heights. */
static void check_source(brenier_targets *targets, const brenier_result *r)
{
  brenier_source  own = {.name          = "own",
                         .least_dim     = 2,
                         .rotations     = 1,
                         .curve         = own_curve,
                         .point         = own_point,
                         .second_moment = own_moment};
  brenier_options options;
  brenier_result *next;
  int             i = 0;

  CALL(brenier_source_register(&own));
  REFUSED(brenier_source_register(&own), BRENIER_CODE_ARGUMENT, "'own' already");
  while (brenier_source_name(i)) ++i;
  EXPECT(!strcmp(brenier_source_name(i - 1), "own"), "name");
  brenier_options_default(&options);
  options.source = "own";
  CALL(brenier_solve(targets, &options, &next));
  for (int64_t k = 0; k < rows_here(); ++k)
    EXPECT(fabs(brenier_result_heights(next)[k] - brenier_result_heights(r)[k]) < 1e-9, "height %g and %g",
           brenier_result_heights(next)[k], brenier_result_heights(r)[k]);
  CALL(brenier_result_destroy(&next));
  own.name = "a name";
  REFUSED(brenier_source_register(&own), BRENIER_CODE_ARGUMENT, "'a name'");
  own.name  = "other";
  own.curve = NULL;
  REFUSED(brenier_source_register(&own), BRENIER_CODE_ARGUMENT, "have to be given");
  REFUSED(brenier_source_register(NULL), BRENIER_CODE_ARGUMENT, "NULL");
}

/* ---- all ---- */

static void check_all(brenier_context *context, const char path[])
{
  brenier_targets *targets = make_targets(context);
  brenier_result  *result;

  check_wrong_options(targets);
  CALL(brenier_solve(targets, NULL, &result));
  check_result(targets, result);
  check_check(result);
  check_map(result);
  check_facets(result);
  check_file(context, result, path);
  check_full_disk(result, path);
  check_start(targets, result);
  check_limits(context, targets, path);
  check_stop(context, targets, result, path);
  check_source(targets, result);
  CALL(brenier_targets_destroy(&targets)); // the result keeps them
  EXPECT(brenier_targets_count(brenier_result_targets(result)) == N, "kept");
  CALL(brenier_result_destroy(&result));
}

int main(int argc, char **argv)
{
  const int        own_petsc = argc > 1 && !strcmp(argv[1], "petsc");
  char             path[64], log[80];
  brenier_context *context;
  PetscBool        ended;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (own_petsc && PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (own_petsc && PetscOptionsSetValue(NULL, "-ksp_type", "none-of-petsc")) return 1; // for solvers of the caller
  snprintf(path, sizeof path, "test_library-%d%s.h5", size, own_petsc ? "-petsc" : "");
  snprintf(log, sizeof log, "%s.jsonl", path);
  check_names();
  check_contexts();
  CALL(brenier_context_create(MPI_COMM_WORLD, &context));
  CALL(brenier_context_set_log(context, log));
  check_targets(context);
  check_files(context, path);
  check_wrong_rows(context);
  check_lent(context);
  check_all(context, path);
  CALL(brenier_context_set_log(context, NULL));
  EXPECT(rank || !access(log, R_OK), "no log");
  CALL(brenier_context_destroy(&context));
  CALL(brenier_finalize());
  if (PetscFinalized(&ended)) return 1;
  EXPECT(own_petsc ? !ended : ended, "PETSc ends with who started it");
  if (rank == 0) unlink(path), unlink(log);
  if (own_petsc && PetscOptionsClearValue(NULL, "-ksp_type")) return 1;
  if (own_petsc && PetscFinalize()) return 1;
  MPI_Finalize();
  return 0;
}
