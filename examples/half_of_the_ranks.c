/* half_of_the_ranks.c - A simulation gives the first half of its ranks to Brenier, while the others go on.

   The ranks of the first half have targets in single precision, in rows that hold other numbers as well. They solve
   with two threads a rank, draw samples, and hand them to the other half.

   usage: mpiexec -n RANKS half_of_the_ranks */
#include <brenier/brenier.h>

#include <stdio.h>
#include <stdlib.h>

enum { N = 150, DIM = 6, STRIDE = 8, SAMPLES = 50 };

static void check(brenier_code code)
{
  if (!code) return;
  fprintf(stderr, "half_of_the_ranks: %s\n", brenier_message());
  MPI_Abort(MPI_COMM_WORLD, (int)code);
}

/* Keeps the last line in place of printing it. */
static void keep(void *user, int is_warning, const char line[])
{
  snprintf(user, 256, "%s%s", is_warning ? "warning: " : "", line);
}

/* Particles with six coordinates, a mass and a label. */
static void fill(int rank, float row[N][STRIDE], double weight[N])
{
  for (int i = 0; i < N; ++i) {
    brenier_random_uniform(7, 0, (uint64_t)(rank * N + i), 1, &weight[i]);
    for (int k = 0; k < STRIDE; ++k) row[i][k] = (float)((i * 37 + k * 101 + rank * 13) % 89) / 89.0f;
  }
}

static void solve(MPI_Comm half, double code[SAMPLES][DIM])
{
  static float     row[N][STRIDE];
  static double    weight[N];
  char             last[256] = "";
  int              rank;
  brenier_options  options;
  brenier_context *context;
  brenier_targets *targets;
  brenier_result  *result;

  MPI_Comm_rank(half, &rank);
  fill(rank, row, weight);
  check(brenier_context_create(half, &context));
  check(brenier_context_set_printer(context, keep, last));
  check(brenier_context_set_threads(context, 2));
  check(brenier_targets_create(
      context, &(brenier_rows){.data = row, .type = BRENIER_FLOAT, .n = N, .dim = DIM, .stride = STRIDE},
      &(brenier_rows){.data = weight, .n = N, .dim = 1}, &targets));
  brenier_options_default(&options);
  options.tol = 0.3;
  check(brenier_solve(targets, &options, &result));
  check(brenier_sample(result, 1, rank * SAMPLES, SAMPLES, NULL, NULL, &code[0][0]));
  if (rank == 0)
    printf("%lld targets, rho = %.2f; %s\n", (long long)brenier_targets_count(targets),
           brenier_result_measurement(result).rho, last);
  check(brenier_result_destroy(&result));
  check(brenier_targets_destroy(&targets));
  check(brenier_context_destroy(&context));
  check(brenier_finalize());
}

int main(int argc, char **argv)
{
  static double code[SAMPLES][DIM];
  int           rank, size, n_half;
  MPI_Comm      half;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  n_half = (size + 1) / 2;
  MPI_Comm_split(MPI_COMM_WORLD, rank < n_half ? 0 : MPI_UNDEFINED, rank, &half);
  if (rank < n_half) {
    solve(half, code);
    if (rank + n_half < size) MPI_Send(code, SAMPLES * DIM, MPI_DOUBLE, rank + n_half, 0, MPI_COMM_WORLD);
    MPI_Comm_free(&half);
  } else {
    MPI_Recv(code, SAMPLES * DIM, MPI_DOUBLE, rank - n_half, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    printf("rank %d received %d samples, the first (%g, %g, ...)\n", rank, SAMPLES, code[0][0], code[0][1]);
  }
  MPI_Finalize();
  return 0;
}
