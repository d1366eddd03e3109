/* own_source.c - A source of one's own: the Gaussian with another standard deviation s_k along each axis k.

   Two targets, a and -a on the first axis, with weights p and 1 - p: their cells meet where Phi(x_1 / s_1) = 1 - p, so
   h_1 - h_2 = 2 |a| s_1 z, Phi(z) = p. The program compares the heights with that.

   usage: mpiexec -n RANKS own_source */
#include <brenier/brenier.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIM = 4 };

static void check(brenier_code code)
{
  if (!code) return;
  fprintf(stderr, "own_source: %s\n", brenier_message());
  MPI_Abort(MPI_COMM_WORLD, (int)code);
}

/* `user` is the array of s_k. Sequence `index` of the stream, times s_k. */
static void draw(void *user, int dim, uint64_t seed, uint32_t stream, uint64_t index, double x[])
{
  const double *s = user;

  brenier_random_normal(seed, stream, index, (size_t)dim, x);
  for (int k = 0; k < dim; ++k) x[k] *= s[k];
}

static void point(void *user, int dim, int ambient, uint64_t seed, uint32_t stream, uint64_t index, double x[])
{
  (void)ambient;
  draw(user, dim, seed, stream, index, x);
}

/* z1 cos t + z2 sin t has the law of z1, if z1 and z2 are independent: variances add to cos^2 + sin^2 = 1. */
static void curve(void *user, int dim, int ambient, uint64_t seed, uint32_t stream, uint64_t index, double z1[],
                  double z2[])
{
  (void)ambient;
  draw(user, dim, seed, stream, 2 * index, z1);
  draw(user, dim, seed, stream, 2 * index + 1, z2);
}

static double second_moment(void *user, int ambient)
{
  const double *s   = user;
  double        sum = 0.0;

  for (int k = 0; k < ambient; ++k) sum += s[k] * s[k];
  return sum;
}

int main(int argc, char **argv)
{
  static double        s[DIM]    = {0.5, 1.0, 1.5, 0.25};
  const double         y[2][DIM] = {{1.0}, {-1.0}}, nu[2] = {0.8413447460685429, 0.15865525393145707}; /* z = 1 */
  const brenier_source source = {
      .name = "axes", .least_dim = 1, .user = s, .curve = curve, .point = point, .second_moment = second_moment};
  double           h[2] = {0.0, 0.0}, all[2];
  int              rank;
  brenier_options  options;
  brenier_context *context;
  brenier_targets *targets;
  brenier_result  *result;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  check(brenier_source_register(&source));
  check(brenier_context_create(MPI_COMM_WORLD, &context));
  check(brenier_targets_create(context, &(brenier_rows){.data = y, .n = rank ? 0 : 2, .dim = DIM},
                               &(brenier_rows){.data = nu, .n = rank ? 0 : 2, .dim = 1}, &targets));
  brenier_options_default(&options);
  options.source = "axes";
  options.tol    = 0.01;
  check(brenier_solve(targets, &options, &result));
  for (int64_t i = 0; i < brenier_targets_count_here(targets); ++i)
    h[brenier_targets_first(targets) + i] = brenier_result_heights(result)[i];
  MPI_Allreduce(h, all, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0)
    printf("source %s: h_1 - h_2 = %.4f, exact %.4f\n", brenier_result_source(result), all[0] - all[1], 2.0 * s[0]);
  check(brenier_result_destroy(&result));
  check(brenier_targets_destroy(&targets));
  check(brenier_context_destroy(&context));
  check(brenier_finalize());
  MPI_Finalize();
  return fabs(all[0] - all[1] - 2.0 * s[0]) < 0.05 ? 0 : 1;
}
