/*
  lines.h - Heights of targets on a line, from the masses below each boundary.

  Targets y_k = c + s_k e of a line (scales.h) have cells that are slabs of the union V of these cells, bounded by
  <x, e> = t_k with
    t_k = -(h_{k+1} - h_k) / (s_{k+1} - s_k).
  Let F(t) be the part of the mass of V with <x, e> <= t. V hardly depends on the heights within the line, if the line
  is short in comparison with its distance to other targets. Then the right boundaries are F^{-1}(N_k), with N_k the
  cumulated weights. Masses at the present heights give values of F, those at the boundaries of cells that are not
  empty. F^{-1} is interpolated linearly between them in log(F / (1 - F)), and continued as of a normal law.

  Newton and SGD are slow here. Where several cells in a row are empty, lifting them to the least heights at which they
  meet the curves leaves all but the outer ones empty.
*/
#pragma once

#include <brenier/scales.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/*@
  BrenierLinesStep_Private - Moves heights within all lines towards those with the right masses

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. scales  - theirs
. source  - theirs
. mass    - masses at h
- part    - of the way, 0 to 1

  Input/Output Parameter:
. h - heights; the largest plane of a line at the middle of its mass stays where it is

  Errors: none of its own

  Cost: two exchanges of 8 n bytes; O(n) on every rank
@*/
PetscErrorCode BrenierLinesStep_Private(BrenierTargets targets, BrenierScales scales, BrenierSource source, Vec mass,
                                        PetscReal part, Vec h);
