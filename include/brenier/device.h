/*
  device.h - Whether a rank scans on an accelerator: a GPU, or what else OpenCL finds.

  The products of circles and points with targets, and the tests that leave few pairs, then run there. These tests are
  certified, so results are the same to the bit as without a device.
*/
#pragma once

#include <petscsys.h>

/* What ranks scan on. */
typedef enum {
  BRENIER_DEVICE_CPU,
  BRENIER_DEVICE_GPU, /* a GPU or another accelerator; where there is none, a processor that OpenCL knows */
  BRENIER_DEVICE_AUTO /* a GPU or another accelerator where every rank has one, else the processor */
} BrenierDeviceUse;

/* Their names, and NULL at the end. */
PETSC_EXTERN const char *const BrenierDeviceUses[];

/*@
  BrenierDeviceSet - Chooses what the ranks of a communicator scan on

  Collective on `comm`

  Input Parameters:
+ comm - has a context (context.h), to which the devices belong
- use  - what to scan on

  Errors:
+ `PETSC_ERR_USER_INPUT`     - `use` is `BRENIER_DEVICE_GPU` and a rank has no device, or one whose compiler refuses
  the kernels
- `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: some seconds where the kernels are built for the first time

  Notes: Ranks of a node take its devices in turn. Nothing may be packed for a scan (tile.h) at this time: call it
  before there are targets.
@*/
PETSC_EXTERN PetscErrorCode BrenierDeviceSet(MPI_Comm comm, BrenierDeviceUse use);

/*@
  BrenierDeviceReport - Prints what the devices have done so far, and puts it into the log; nothing without devices

  Collective on `comm`

  Input Parameter:
. comm - the ranks

  Errors: none of its own

  Cost: one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierDeviceReport(MPI_Comm comm);

/*@
  BrenierDeviceShare - Lets another communicator scan on the devices of this one

  Not collective

  Input Parameters:
+ from - has devices, or none; they stay its own
- comm - has a context, which ends before that of `from`

  Errors: `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierDeviceShare(MPI_Comm from, MPI_Comm comm);

/*@
  BrenierDeviceCheck - Finds out whether a device failed since the last call

  Collective on `comm`

  Input Parameter:
. comm - the ranks

  Errors: `PETSC_ERR_MEM` - one did, and `BRENIER_DEVICE_GPU` was asked for

  Cost: one reduction where there are devices; nothing else

  Notes: A scan ends on the processor when its device fails, with the same results. Otherwise a notice says so once.
@*/
PETSC_EXTERN PetscErrorCode BrenierDeviceCheck(MPI_Comm comm);
