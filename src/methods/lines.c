/* lines.c - Implements lines.h. */
#include "lines.h"

#include <brenier/compat.h>

#include <math.h>

/* Of t over log(F / (1 - F)) at the median of a normal law, in its deviations. */
static const PetscReal brenier_line_slope = 0.63;

/* A line with its present heights and masses; arrays of length m. */
typedef struct {
  PetscInt         m;
  const PetscReal *at;
  PetscReal       *nu, *mass, *h; /* in order along the line */
  PetscInt        *hull;          /* those whose planes are somewhere highest along the line */
  PetscReal       *z, *t;         /* known boundaries: log(F / (1 - F)) and place */
  PetscReal       *to;            /* new heights */
} Line;

static PetscReal Boundary(const Line *l, PetscInt a, PetscInt b)
{
  return -(l->h[b] - l->h[a]) / (l->at[b] - l->at[a]);
}

/* Members on the upper envelope of the lines s -> at s + h: their number. */
static PetscInt FindHull(const Line *l)
{
  PetscInt n = 0;

  for (PetscInt k = 0; k < l->m; ++k) {
    while (n > 1 && Boundary(l, l->hull[n - 2], l->hull[n - 1]) >= Boundary(l, l->hull[n - 1], k)) --n;
    l->hull[n++] = k;
  }
  return n;
}

/* Boundaries with mass on both sides: their number. Those with the same mass below become one, at their mean. */
static PetscInt FindKnown(const Line *l, PetscInt n_hull)
{
  PetscReal all = 0.0, below = 0.0;
  PetscInt  n = 0, k = 0, same = 1;

  for (PetscInt i = 0; i < l->m; ++i) all += l->mass[i];
  for (PetscInt j = 0; j + 1 < n_hull; ++j) {
    const PetscReal t = Boundary(l, l->hull[j], l->hull[j + 1]), before = below;

    for (; k <= l->hull[j]; ++k) below += l->mass[k];
    if (!(below > 0.0) || !(all - below > 1e-12 * all)) continue;
    if (n > 0 && below == before) {
      ++same;
      l->t[n - 1] += (t - l->t[n - 1]) / (PetscReal)same;
      continue;
    }
    same    = 1;
    l->z[n] = log(below / (all - below));
    l->t[n] = t;
    ++n;
  }
  return n;
}

/* The place with this part of the mass below; *k is the last known boundary below it and only rises. */
static PetscReal Inverse(const Line *l, PetscInt n, PetscReal z, PetscReal slope, PetscInt *k)
{
  if (z <= l->z[0]) return l->t[0] + slope * (z - l->z[0]);
  while (*k + 1 < n && l->z[*k + 1] < z) ++*k;
  if (*k + 1 == n) return l->t[n - 1] + slope * (z - l->z[n - 1]);
  return l->t[*k] + (z - l->z[*k]) / (l->z[*k + 1] - l->z[*k]) * (l->t[*k + 1] - l->t[*k]);
}

/* Highest plane at place t. */
static PetscReal Highest(const Line *l, const PetscReal h[], PetscReal t)
{
  PetscReal most = -PETSC_MAX_REAL;

  for (PetscInt k = 0; k < l->m; ++k) most = PetscMax(most, h[k] + t * l->at[k]);
  return most;
}

/* Sets l->to; false where no boundary is known. */
static PetscBool SetHeights(const Line *l, PetscReal slope)
{
  const PetscInt n   = FindKnown(l, FindHull(l));
  PetscReal      all = 0.0, below = 0.0, middle = 0.0, from_middle = PETSC_MAX_REAL, change;
  PetscInt       k = 0;

  if (n == 0) return PETSC_FALSE;
  for (PetscInt i = 0; i < l->m; ++i) all += l->nu[i];
  l->to[0] = 0.0;
  for (PetscInt i = 0; i + 1 < l->m; ++i) {
    PetscReal z, t;

    below += l->nu[i];
    z            = log(below / PetscMax(all - below, l->nu[l->m - 1]));
    t            = Inverse(l, n, z, slope, &k);
    l->to[i + 1] = l->to[i] - t * (l->at[i + 1] - l->at[i]);
    if (PetscAbsReal(z) >= from_middle) continue;
    from_middle = PetscAbsReal(z);
    middle      = t;
  }
  change = Highest(l, l->h, middle) - Highest(l, l->to, middle);
  for (PetscInt i = 0; i < l->m; ++i) l->to[i] += change;
  return PETSC_TRUE;
}

PetscErrorCode BrenierLinesStep_Private(BrenierTargets t, BrenierScales s, BrenierSource source, Vec mass,
                                        PetscReal part, Vec h)
{
  const PetscReal slope = brenier_line_slope * BrenierSourceDeviation(source);
  PetscReal      *all_mass, *all_h;
  PetscScalar    *a;
  PetscInt        most = 0;
  Line            l;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < s->n_lines; ++k) most = PetscMax(most, s->line_first[k + 1] - s->line_first[k]);
  PetscCall(PetscMalloc2(s->n, &all_mass, s->n, &all_h));
  PetscCall(PetscMalloc7(most, &l.nu, most, &l.mass, most, &l.h, most, &l.hull, most, &l.z, most, &l.t, most, &l.to));
  PetscCall(BrenierScalesGather(s, mass, all_mass));
  PetscCall(BrenierScalesGather(s, h, all_h));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt k = 0; k < s->n_lines; ++k) {
    const PetscInt *target = s->line_target + s->line_first[k];

    l.m  = s->line_first[k + 1] - s->line_first[k];
    l.at = s->line_at + s->line_first[k];
    for (PetscInt i = 0; i < l.m; ++i) {
      l.nu[i]   = s->nu[target[i]];
      l.mass[i] = all_mass[target[i]];
      l.h[i]    = all_h[target[i]];
    }
    if (!SetHeights(&l, slope)) continue;
    for (PetscInt i = 0; i < l.m; ++i) {
      const PetscInt local = target[i] - t->first;

      if (local >= 0 && local < t->n_local) a[local] += part * (l.to[i] - l.h[i]);
    }
  }
  PetscCall(VecRestoreArray(h, &a));
  PetscCall(PetscFree7(l.nu, l.mass, l.h, l.hull, l.z, l.t, l.to));
  PetscCall(PetscFree2(all_mass, all_h));
  PetscFunctionReturn(PETSC_SUCCESS);
}
