/* device.c - Implements device.h: the device of each rank, in the context of a communicator. */
#include "base/context_impl.h"
#include "device_scan.h"
#include "kernel/tile_isa.h"

#include <brenier/base.h>
#include <brenier/device.h>

const char *const BrenierDeviceUses[] = {"cpu", "gpu", "auto", NULL};

static void Close(void *device)
{
  BrenierDeviceClose(device);
  BrenierTileUseBytes(0);
}

BrenierDevice *BrenierDeviceOf(MPI_Comm comm)
{
  const BrenierContext *context = BrenierContextGet_Private(comm);

  return context ? context->device : NULL;
}

/* This rank among those of its node, and how many these are. */
static PetscErrorCode FindOnNode(MPI_Comm comm, PetscMPIInt *rank, PetscMPIInt *size)
{
  MPI_Comm node;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_rank(node, rank));
  PetscCallMPI(MPI_Comm_size(node, size));
  PetscCallMPI(MPI_Comm_free(&node));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Says which device rank 0 has, or why none is used. */
static PetscErrorCode Announce(MPI_Comm comm, const BrenierDevice *device, const char why[])
{
  PetscFunctionBegin;
  if (device) PetscCall(BrenierPrint(comm, "device: %s, by OpenCL", BrenierDeviceName(device)));
  else
    PetscCall(BrenierPrint(comm, "notice: the processor does all work, as a rank has no device%s%s", why[0] ? ": " : "",
                           why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDeviceSet(MPI_Comm comm, BrenierDeviceUse use)
{
  const PetscBool must  = (PetscBool)(use == BRENIER_DEVICE_GPU);
  BrenierFault    fault = {BRENIER_EXIT_DONE, ""};
  BrenierContext *context;
  BrenierDevice  *device;
  PetscMPIInt     rank, size;
  char            why[1024];
  int             everywhere;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  if (context->device && context->close_device) context->close_device(context->device);
  context->device = NULL;
  if (use == BRENIER_DEVICE_CPU) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FindOnNode(comm, &rank, &size));
  device     = BrenierDeviceOpen(rank, size, must, sizeof why, why);
  everywhere = device != NULL;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &everywhere, 1, MPI_INT, MPI_LAND, comm));
  if (!everywhere) {
    BrenierDeviceClose(device);
    if (must && !device) BrenierFaultSet(&fault, BRENIER_EXIT_USAGE, "-device gpu: %s; or use -device cpu", why);
    ierr = BrenierFaultAgree(comm, &fault);
    if (ierr) PetscFunctionReturn(ierr);
    PetscCall(Announce(comm, NULL, why));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  context->device          = device;
  context->close_device    = Close;
  context->device_is_asked = must;
  BrenierTileUseBytes(1);
  PetscCall(Announce(comm, device, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDeviceShare(MPI_Comm from, MPI_Comm comm)
{
  const BrenierContext *owner = BrenierContextGet_Private(from);
  BrenierContext       *context;

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  if (!owner) PetscFunctionReturn(PETSC_SUCCESS);
  context->device          = owner->device;
  context->device_is_asked = owner->device_is_asked;
  context->close_device    = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDeviceCheck(MPI_Comm comm)
{
  BrenierContext *context = BrenierContextGet_Private(comm);
  BrenierFault    fault   = {BRENIER_EXIT_DONE, ""};
  const char     *failure;
  int             failed;

  PetscFunctionBegin;
  if (!context || !context->device) PetscFunctionReturn(PETSC_SUCCESS);
  failure = BrenierDeviceFailure(context->device);
  if (failure && context->device_is_asked)
    BrenierFaultSet(&fault, BRENIER_EXIT_RESOURCE, "%s; -device auto would go on without it", failure);
  if (context->device_is_asked) PetscFunctionReturn(BrenierFaultAgree(comm, &fault));
  failed = failure != NULL && !context->device_is_lost;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_LOR, comm));
  if (!failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierPrint(comm, "notice: the processor goes on in place of a device of a rank%s%s", failure ? ": " : "",
                         failure ? failure : ""));
  if (failure) context->device_is_lost = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDeviceReport(MPI_Comm comm)
{
  BrenierDevice    *device = BrenierDeviceOf(comm);
  const double      giga   = 1e9;
  BrenierDeviceWork work;
  double            sum[6];

  PetscFunctionBegin;
  if (!device) PetscFunctionReturn(PETSC_SUCCESS);
  work   = BrenierDeviceWorkOf(device);
  sum[0] = work.bytes_to;
  sum[1] = work.bytes_from;
  sum[2] = work.products;
  sum[3] = work.product_seconds;
  sum[4] = work.seconds;
  sum[5] = BrenierDevicePeak(device);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 6, MPI_DOUBLE, MPI_SUM, comm));
  PetscCall(BrenierPrint(comm, "device: %.3g GB to it and %.3g GB back, kernels %.2f s, products %.3g Gop/s",
                         sum[0] / giga, sum[1] / giga, sum[4], sum[2] / PetscMax(sum[3], 1e-9) / giga));
  PetscCall(BrenierLog(comm, "device", "s name", BrenierDeviceName(device), "r bytes_to", sum[0], "r bytes_from",
                       sum[1], "r products", sum[2], "r product_seconds", sum[3], "r kernel_seconds", sum[4],
                       "r peak_products", sum[5], NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
