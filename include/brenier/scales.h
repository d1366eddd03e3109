/*
  scales.h - Groups of targets that are much nearer to each other than to the rest, at all scales of distance.

  A facet between y_i and y_j adds its measure over |y_i - y_j| to the Hessian. So the height that changes the mass of a
  cell by 100% is proportional to the distance to its neighbours. If distances span decades, no single height scale
  serves. Example: two targets 1e-9 apart. The difference of their heights has the scale 1e-9; their mean, which moves
  the cells of both, has the scale of their distance to the others.

  Targets are therefore joined by single linkage, the closest first. A set is a group if the distance at which it is
  joined to others is at least 3 times the largest distance at which it was joined within. A set of more than four nodes
  is cut into halves, repeatedly. Nodes are targets, groups and halves. `apart` of a node is the distance at which it is
  joined to others; of a half, the distance to the other half. A change of heights is a sum over nodes: each node has
  one number, which is added to the heights of all its members.

  Targets have no scales if their distances are of one kind: no set is 30 times as far from others as it is wide, and
  the distance of every target to its nearest one is within a factor of 30 of the median. In fewer than four dimensions
  there are no scales: there, near pairs occur by chance and do no harm. Nor are scales looked for when all distances
  would take more than 2e9 multiply-adds.

  A node is a line if it has at least four targets, and all steps from one to the next, in order along a direction,
  deviate from it by at most a tenth. Cells of its members are slabs, nearly, and their heights follow from the masses
  below each boundary (methods/lines.h).
*/
#pragma once

#include <petscvec.h>
#include <brenier/targets.h>

/* The nodes, the same on all ranks. Their numbers begin with the targets; groups come after their members. */
typedef struct _p_BrenierScales {
  /* layout */
  PetscInt n, n_nodes; /* targets; targets and groups */
  /* data, owned */
  PetscInt  *parent; /* the group that a node belongs to, -1 for none; shape [n_nodes] */
  PetscReal *apart;  /* in the units of the targets; shape [n_nodes] */
  PetscReal *nu;     /* weights of the nodes; shape [n_nodes] */
  PetscInt   n_lines;
  PetscInt  *line_first;  /* shape [n_lines + 1]; members of line l are line_target[line_first[l]] and on */
  PetscInt  *line_target; /* global indices, in order along each line */
  PetscReal *line_at;     /* places along the line, strictly ascending; unit: the targets' */
  PetscBool *in_line;     /* whether a node is a part of a line, but not all of it; shape [n_nodes] */
  VecScatter to_all;
  Vec        all;
} * BrenierScales;

/*@
  BrenierTargetsScales - Finds the scales of targets, at the first call

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets

  Output Parameter:
. scales - borrowed from the targets; NULL when they have none

  Errors: none of its own

  Cost: n^2/2 distances on every rank, up to 2e9 multiply-adds; 8 n dim bytes a rank meanwhile. O(1) at later calls
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsScales(BrenierTargets targets, BrenierScales *scales);

/*@
  BrenierScalesSum - Sums a vector over the members of each node

  Collective on the targets' communicator

  Input Parameters:
+ scales - the scales
- x      - one number for each target, laid out as the targets; unit: any

  Output Parameter:
. sum - sums of the nodes, shape [n_nodes], the same on all ranks and for any number of them; unit: the same

  Errors: none of its own

  Cost: one exchange of 8 n bytes; n_nodes additions on every rank
@*/
PETSC_EXTERN PetscErrorCode BrenierScalesSum(BrenierScales scales, Vec x, PetscReal sum[]);

/*@
  BrenierScalesGather - Brings all entries of a vector to every rank

  Collective on the targets' communicator

  Input Parameters:
+ scales - the scales
- x      - one number for each target, laid out as the targets; unit: any

  Output Parameter:
. all - all entries, shape [n]; unit: the same

  Errors: none of its own

  Cost: one exchange of 8 n bytes
@*/
PETSC_EXTERN PetscErrorCode BrenierScalesGather(BrenierScales scales, Vec x, PetscReal all[]);

/*@
  BrenierScalesSpread - Adds up, for each of some targets, the numbers of all nodes that it belongs to

  Not collective

  Input Parameters:
+ scales - the scales
. first  - first of the targets, a global index
. n      - their number
- node   - one number for each node, shape [n_nodes]; unit: any

  Output Parameter:
. x - sums of targets [first, first + n), shape [n]; unit: the same

  Cost: n additions for each level of groups
@*/
PETSC_EXTERN void BrenierScalesSpread(BrenierScales scales, PetscInt first, PetscInt n, const PetscReal node[],
                                      PetscReal x[]);

/*@
  BrenierScalesDestroy - Frees scales, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. scales - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierScalesDestroy(BrenierScales *scales);
