/* info.c - brenier info: what a file of Brenier's holds, in words. */
#include "command.h"

#include <brenier/checkpoint.h>
#include <brenier/store.h>

#include <string.h>

static const BrenierOption info_options[] = {BRENIER_OPTION_END};

static const char *const brenier_datasets[] = {
    "/targets",        "/weights",  "/heights", "/mass",        "/mass_error",  "/row",
    "/history",        "/codes",    "/mean",    "/components",  "/variance",    "/data",
    "/noise",          "/index",    "/code",    "/potential",   "/phi",         "/psi",
    "/barycenter",     "/position", "/draw",    "/label",       "/pair",        "/angle",
    "/mode",           "/scale",    "/slack",   "/class/label", "/heights_low", "/condition",
    "/code_condition", NULL};

static PetscErrorCode PrintAttribute(void *context, const char name[], const char value[])
{
  PetscFunctionBegin;
  (void)context;
  PetscCall(BrenierPrintWorld("  %-18s %s", name, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintDatasets(BrenierStore store)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("datasets"));
  for (int i = 0; brenier_datasets[i]; ++i) {
    PetscInt64 n;
    PetscInt   dim;

    PetscCall(BrenierStoreGetShape(store, brenier_datasets[i], &n, &dim));
    if (n >= 0 && dim > 0)
      PetscCall(BrenierPrintWorld("  %-18s %" PetscInt64_FMT " x %" PetscInt_FMT, brenier_datasets[i], n, dim));
    else if (n >= 0) PetscCall(BrenierPrintWorld("  %-18s %" PetscInt64_FMT, brenier_datasets[i], n));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A group of attributes under its name without the slash. */
static PetscErrorCode PrintGroup(BrenierStore store, const char group[])
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("%s", group + 1));
  PetscCall(BrenierStoreVisitAttributes(store, group, PrintAttribute, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a checkpoint continues, how far it is, and whether all of it can be read. */
static PetscErrorCode PrintCheckpoint(BrenierStore store)
{
  PetscInt64 phase;

  PetscFunctionBegin;
  PetscCall(PrintGroup(store, "/problem"));
  PetscCall(BrenierStoreGetInt(store, "/", "progress", &phase));
  if (phase > BRENIER_PHASE_START && phase < BRENIER_PHASE_FINISHED) PetscCall(PrintGroup(store, "/state"));
  if (phase == BRENIER_PHASE_STAGE) PetscCall(PrintGroup(store, "/sample"));
  PetscCall(BrenierStoreVerify(store));
  PetscCall(BrenierPrintWorld("all checksums are right"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunInfo(const char *const argument[], BrenierExit *outcome)
{
  BrenierStore store;
  char         format[64];

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, argument[0], NULL, &store));
  PetscCall(BrenierPrintWorld("%s", argument[0]));
  PetscCall(BrenierStoreVisitAttributes(store, "/", PrintAttribute, NULL));
  PetscCall(BrenierStoreGetText(store, "/", "format", sizeof format, format));
  if (!strcmp(format, "brenier-result")) PetscCall(PrintGroup(store, "/provenance"));
  if (!strcmp(format, "brenier-checkpoint")) PetscCall(PrintCheckpoint(store));
  PetscCall(PrintDatasets(store));
  PetscCall(BrenierStoreDestroy(&store));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const info_example[] = {"Show what is in a result:", "brenier info result.h5", NULL};

const BrenierCommand brenier_command_info = {
    .name        = "info",
    .arguments   = "FILE",
    .n_arguments = 1,
    .summary     = "prints attributes and datasets of a file that Brenier has written",
    .description = "Of a checkpoint it also prints the problem and the state of the solve, after comparing the file "
                   "with its checksums.",
    .files       = "FILE is any file that a command of Brenier has written.",
    .example     = info_example,
    .see_also    = "check",
    .option      = info_options,
    .run         = RunInfo,
    .only_reads  = PETSC_TRUE};
