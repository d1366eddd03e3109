/* interval.c - Implements interval.h. */
#include "interval.h"

#include <math.h>

static const double half_pi = 1.57079632679489661923;

/* The end of a cell that has none. */
static const double brenier_infinite_end = 1e150;

/* Gauss and Legendre, ten points on [-1, 1], by pairs. */
enum { PAIRS = 5 };
static const double node[PAIRS]   = {0.1488743389816312108848260, 0.4333953941292471907992659,
                                     0.6794095682990244062343274, 0.8650633666889845107320967,
                                     0.9739065285171717200779640};
static const double weight[PAIRS] = {0.2955242247147528701738930, 0.2692667193099963550912269,
                                     0.2190863625159820439955349, 0.1494513491505805931457763,
                                     0.0666713443086881375935688};

/* int cos^p t, int sin t cos^p t and int sin^2 t cos^p t over [s, e], no wider than what ten points integrate. */
static void Panel(double p, double s, double e, double sum[3])
{
  const double middle = 0.5 * (s + e), half = 0.5 * (e - s);

  for (int i = 0; i < 2 * PAIRS; ++i) {
    const double t = middle + (i % 2 ? half : -half) * node[i / 2], x = sin(t);
    const double f = half * weight[i / 2] * (p > 0.0 ? pow(cos(t), p) : 1.0);

    sum[0] += f;
    sum[1] += f * x;
    sum[2] += f * x * x;
  }
}

/* Width of a panel from t >= 0 outwards: the logarithm of cos^p changes by a few at most. Towards the pole that is a
   part of what is left. */
static double Width(double p, double t)
{
  const double usual = 1.0 / sqrt(p + 1.0), most = 4.0, slope = p * tan(t);

  return slope * usual > most ? most / slope : usual;
}

/* Adds the integrals over 0 <= s < e, panel by panel outwards, as far as cos^p is a number. */
static void Outwards(double p, double s, double e, double sum[3])
{
  const double least = 1e-9, underflow = -740.0;

  while (s < e && !(p * log(cos(s)) < underflow)) {
    double next = s + Width(p, s);

    if (next > e || e - next < least) next = e;
    Panel(p, s, next, sum);
    s = next;
  }
}

/* Over any s < e: what is below 0 is mirrored. */
static void Integrate(double p, double s, double e, double sum[3])
{
  double below[3] = {0.0, 0.0, 0.0};

  sum[0] = sum[1] = sum[2] = 0.0;
  if (s < 0.0) Outwards(p, fmax(-e, 0.0), -s, below);
  if (e > 0.0) Outwards(p, fmax(s, 0.0), e, sum);
  sum[0] += below[0];
  sum[1] -= below[1];
  sum[2] += below[2];
}

/* Where the line of constraint j ends the cell, which lies in [-most, most]. */
static void Cut(double most, int k, const double a[], const double b[], double end[2], int active[2])
{
  active[0] = active[1] = -1;
  end[0]                = -most;
  end[1]                = most;
  for (int j = 0; j < k; ++j) {
    if (a[j] > 0.0 && b[j] < end[1] * a[j]) {
      end[1]    = b[j] / a[j];
      active[1] = j;
    } else if (a[j] < 0.0 && b[j] < end[0] * a[j]) {
      end[0]    = b[j] / a[j];
      active[0] = j;
    } else if (a[j] == 0.0 && b[j] < 0.0) end[1] = end[0] - 1.0;
  }
}

/* Mass, moments and densities at the ends of a cell, times c: a coordinate of the sphere. */
static void OnSphere(double p, const double end[2], double sum[3], double density[2])
{
  Integrate(p, asin(end[0]), asin(end[1]), sum);
  for (int i = 0; i < 2; ++i) density[i] = pow(fmax(1.0 - end[i] * end[i], 1e-300), 0.5 * (p - 1.0));
}

/* int cos^p t from t to pi/2, c = cos t in [0, 1/2]: the series of c^p (1 - c^2)^(-1/2), by c. */
static double Tail(double p, double c)
{
  const int terms = 40; // each is at most a quarter of the one before
  double    power = pow(c, p + 1.0), sum = 0.0;

  for (int k = 0; k < terms; ++k) {
    sum += power / (p + 1.0 + 2.0 * k);
    power *= c * c * (k + 0.5) / (k + 1.0);
  }
  return sum;
}

/* int cos^p t over tan t in [s, e], 0 <= s < e. Towards pi/2 cos^p is no polynomial where p is not whole. */
static double Half(double p, double s, double e)
{
  const double middle = 1.04719755119659774615, most = tan(middle); // pi/3, where cos t = 1/2
  const double from = 1.0 / hypot(1.0, fmax(s, most)), to = 1.0 / hypot(1.0, fmax(e, most));
  double       sum[3] = {0.0, 0.0, 0.0};

  if (s < most) Outwards(p, atan(s), fmin(atan(e), middle), sum);
  return sum[0] + (e > most ? Tail(p, fmin(from, 0.5)) - Tail(p, to) : 0.0);
}

/* The same of Student's law. The moments are integrals of tan t cos^p t, which has a primitive, and tan^2 t cos^p t, by
   parts. */
static void OnLine(double p, double tail, const double end[2], double sum[3], double density[2])
{
  double cosine[2], sine[2], tangent[2];

  for (int i = 0; i < 2; ++i) {
    const double x = end[i] / tail;

    tangent[i] = x;
    cosine[i]  = 1.0 / hypot(1.0, x);
    sine[i]    = x * cosine[i];
    density[i] = pow(cosine[i], p + 2.0) / tail;
  }
  sum[0] = tangent[1] > 0.0 ? Half(p, fmax(tangent[0], 0.0), tangent[1]) : 0.0;
  if (tangent[0] < 0.0) sum[0] += Half(p, fmax(-tangent[1], 0.0), -tangent[0]);
  sum[1] = tail * (pow(cosine[0], p) - pow(cosine[1], p)) / p;
  sum[2] = tail * tail * (sum[0] - sine[1] * pow(cosine[1], p - 1.0) + sine[0] * pow(cosine[0], p - 1.0)) / (p - 1.0);
}

void BrenierIntervalIntegrate(BrenierIntervalLaw law, int k, const double a[], const double b[], BrenierCell *cell,
                              double facet[], double end[2])
{
  const double p = law.power, c = sqrt(2.0 * half_pi) * exp(lgamma(0.5 * (p + 1.0)) - lgamma(0.5 * p + 1.0));
  double       sum[3], density[2];
  int          active[2];

  *cell = (BrenierCell){0};
  for (int j = 0; j < k; ++j) facet[j] = 0.0;
  Cut(law.tail > 0.0 ? brenier_infinite_end : 1.0, k, a, b, end, active);
  if (!(end[0] < end[1])) return;
  if (law.tail > 0.0) OnLine(p, law.tail, end, sum, density);
  else OnSphere(p, end, sum, density);
  cell->mass      = sum[0] / c;
  cell->moment[0] = sum[1] / c;
  cell->second[0] = sum[2] / c;
  for (int i = 0; i < 2; ++i)
    if (active[i] >= 0) facet[active[i]] = density[i] / c;
}
