/* result.c - Implements the result of brenier.h. */
#include "library_impl.h"

PetscErrorCode LibraryMakeResult(brenier_targets *targets, BrenierOutcome *outcome, brenier_result **result)
{
  brenier_result *r = calloc(1, sizeof *r);

  PetscFunctionBegin;
  PetscCheck(r, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for a result");
  *r = (brenier_result){.targets = targets, .outcome = *outcome};
  ++targets->owners;
  ++targets->context->objects;
  PetscCall(VecGetArrayRead(outcome->h, &r->h));
  PetscCall(VecGetArrayRead(outcome->mass, &r->mass));
  PetscCall(VecGetArrayRead(outcome->mass_error, &r->mass_error));
  *result = r;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode LibraryReadResult(brenier_context *context, const char path[], brenier_result **result)
{
  BrenierOutcome   outcome;
  BrenierTargets   made;
  brenier_targets *targets;

  PetscFunctionBegin;
  PetscCall(BrenierOutcomeRead(context->comm, path, &made, &outcome));
  targets = calloc(1, sizeof *targets);
  PetscCheck(targets, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for targets");
  *targets = (brenier_targets){.context = context, .targets = made, .owners = 1};
  ++context->objects;
  PetscCall(LibraryMakeResult(targets, &outcome, result));
  PetscCall(LibraryReleaseTargets(&targets)); // the result alone owns them
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_result_read(brenier_context *context, const char path[], brenier_result **result)
{
  if (result) *result = NULL;
  if (!context || !path || !result)
    return LibraryRefuse("brenier_result_read: %s is NULL", !context ? "context" : !path ? "path" : "result");
  LibraryBegin();
  return LibraryEnd(LibraryReadResult(context, path, result));
}

brenier_code brenier_result_write(const brenier_result *result, const char path[])
{
  if (!result || !path) return LibraryRefuse("brenier_result_write: %s is NULL", result ? "path" : "result");
  LibraryBegin();
  return LibraryEnd(BrenierOutcomeWrite(&result->outcome, path));
}

static PetscErrorCode Destroy(brenier_result *r)
{
  PetscFunctionBegin;
  PetscCall(VecRestoreArrayRead(r->outcome.h, &r->h));
  PetscCall(VecRestoreArrayRead(r->outcome.mass, &r->mass));
  PetscCall(VecRestoreArrayRead(r->outcome.mass_error, &r->mass_error));
  PetscCall(BrenierOutcomeDestroy(&r->outcome));
  --r->targets->context->objects;
  PetscCall(LibraryReleaseTargets(&r->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_result_destroy(brenier_result **result)
{
  brenier_code code;

  if (!result || !*result) return LibraryFine();
  LibraryBegin();
  code = LibraryEnd(Destroy(*result));
  free(*result);
  *result = NULL;
  return code;
}

const brenier_targets *brenier_result_targets(const brenier_result *result)
{
  return result ? result->targets : NULL;
}

const double *brenier_result_heights(const brenier_result *result)
{
  return result ? result->h : NULL;
}

const double *brenier_result_masses(const brenier_result *result)
{
  return result ? result->mass : NULL;
}

const double *brenier_result_mass_errors(const brenier_result *result)
{
  return result ? result->mass_error : NULL;
}

const double *brenier_result_barycentres(const brenier_result *result)
{
  return result ? result->outcome.barycentre.value : NULL;
}

brenier_code brenier_result_potentials(const brenier_result *result, double psi[])
{
  if (!result || !psi) return LibraryRefuse("brenier_result_potentials: %s is NULL", result ? "psi" : "result");
  LibraryBegin();
  return LibraryEnd(BrenierPotentialOfTargets(result->targets->targets, result->outcome.h, psi));
}

const char *brenier_result_status(const brenier_result *result)
{
  return result ? result->outcome.about.status : "";
}

const char *brenier_result_source(const brenier_result *result)
{
  return result ? BrenierSourceName(result->outcome.about.source) : "";
}

brenier_measurement LibraryMeasurement(const BrenierHeldOut *o)
{
  return (brenier_measurement){.curves         = o->curves,
                               .rho            = o->rho,
                               .rho_low        = o->rho_low,
                               .rho_high       = o->rho_high,
                               .sampling_error = o->sampling_error,
                               .tv             = o->tv,
                               .largest_error  = o->largest_error,
                               .empty          = o->empty,
                               .energy         = o->energy,
                               .w2             = o->w2,
                               .w2_bound_low   = o->w2_bound_low,
                               .w2_bound_high  = o->w2_bound_high,
                               .dual           = o->dual.value,
                               .dual_low       = o->dual.low,
                               .dual_high      = o->dual.high,
                               .primal         = o->primal.value,
                               .primal_low     = o->primal.low,
                               .primal_high    = o->primal.high,
                               .gap            = o->gap.value,
                               .gap_low        = o->gap.low,
                               .gap_high       = o->gap.high};
}

brenier_measurement brenier_result_measurement(const brenier_result *result)
{
  return result ? LibraryMeasurement(&result->outcome.about.held_out) : (brenier_measurement){0};
}

int64_t brenier_result_history(const brenier_result *result, const double **row)
{
  if (row) *row = result ? (const double *)result->outcome.history.row : NULL;
  return result ? result->outcome.history.n : 0;
}

const char *brenier_history_columns(void)
{
  return BrenierIterationNames;
}
