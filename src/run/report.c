/* report.c - How a measurement is printed and logged; implements BrenierReportHeldOut() of run.h. */
#include <brenier/run.h>

/* An estimate of what cannot be negative. */
static double NotNegative(PetscReal x)
{
  return x > 0.0 ? (double)x : 0.0;
}

/* W2^2/2 and W2 of one side of the duality, a line. */
static PetscErrorCode ReportDistance(MPI_Comm comm, const char side[], const BrenierEstimate *e, const char meaning[])
{
  PetscFunctionBegin;
  PetscCall(BrenierPrint(comm, "  W2^2/2 %-7s %.6g   95%% interval %.6g to %.6g   W2 %.6g, %.6g to %.6g   (%s)", side,
                         NotNegative(e->value), NotNegative(e->low), NotNegative(e->high),
                         (double)BrenierDistance(e->value), (double)BrenierDistance(e->low),
                         (double)BrenierDistance(e->high), meaning));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same of exact masses: no sample, no intervals. */
static PetscErrorCode PrintExact(MPI_Comm comm, const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrint(comm, "exact masses:"));
  PetscCall(BrenierPrint(comm, "  rho            %.4g   (root-mean-square relative error of the cell masses)",
                         (double)o->rho));
  PetscCall(BrenierPrint(comm, "  tv             %.4g   largest error %.3g   empty cells %" PetscInt64_FMT,
                         (double)o->tv, (double)o->largest_error, o->empty));
  PetscCall(BrenierPrint(comm, "  |log(w/nu)|    at most %.3g, over cells that are not empty", (double)o->largest_log));
  PetscCall(BrenierPrint(comm, "  W2^2/2         %.15g   W2 %.15g", NotNegative(o->dual.value), (double)o->w2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Part of the bound from which on a gap is worth a sentence. */
static const PetscReal brenier_large_gap = 0.1;

/* A gap that is no chance and a large part of the bound: masses are wrong where they cost most, however light. */
static PetscErrorCode ReportGap(MPI_Comm comm, const BrenierHeldOut *o)
{
  const PetscReal part = PetscAbsReal(o->gap.value) / PetscMax(PetscAbsReal(o->dual.value), PETSC_MIN_REAL);

  PetscFunctionBegin;
  if (o->gap.low * o->gap.high > 0.0 && part > brenier_large_gap)
    PetscCall(BrenierPrint(comm,
                           "  the map costs %.0f%% %s than the bound, beyond the sampling error: distant targets, even "
                           "light ones, have wrong masses",
                           100.0 * (double)part, o->gap.value < 0.0 ? "less" : "more"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What rho hides, in words: cells that are wrong for sure, and those that the sample says nothing of. */
static PetscErrorCode ReportLight(MPI_Comm comm, const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrint(comm, "  |log(w/nu)|    at most %.3g, over cells that these curves resolve",
                         (double)o->largest_log));
  if (o->unresolved > 0)
    PetscCall(BrenierPrint(comm,
                           "  unresolved     %" PetscInt64_FMT
                           " cell%s with too few curves to judge singly: total weight %.3g, total mass %.3g",
                           o->unresolved, BrenierPlural(o->unresolved), (double)o->unresolved_weight,
                           (double)o->unresolved_mass));
  if (o->missing > 0)
    PetscCall(BrenierPrint(
        comm, "  missing        %" PetscInt64_FMT " empty cell%s that should have been met 20 times or more",
        o->missing, BrenierPlural(o->missing)));
  if (o->wrong > 0)
    PetscCall(BrenierPrint(
        comm,
        "  wrong          %" PetscInt64_FMT
        " cell%s with a mass wrong by a factor of 1.5 or more, beyond the sampling error; total weight %.2g, worst "
        "w/nu %.3g",
        o->wrong, BrenierPlural(o->wrong), (double)o->wrong_weight, (double)o->worst));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that a sample tells, with its intervals. */
static PetscErrorCode PrintSampled(MPI_Comm comm, const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrint(comm, "held out, on %" PetscInt64_FMT " fresh curves:", o->curves));
  PetscCall(BrenierPrint(
      comm, "  rho            %.4g   95%% interval %.4g to %.4g   (root-mean-square relative error of the cell masses)",
      (double)o->rho, (double)o->rho_low, (double)o->rho_high));
  PetscCall(BrenierPrint(comm, "  sampling error %.4g   (of these masses; rho does not contain it)",
                         (double)o->sampling_error));
  PetscCall(BrenierPrint(
      comm, "  tv             %.4g   largest error %.3g   empty cells %" PetscInt64_FMT "   (sampling error included)",
      (double)o->tv, (double)o->largest_error, o->empty));
  PetscCall(ReportLight(comm, o));
  PetscCall(ReportDistance(comm, "dual", &o->dual, "estimate and interval of a lower bound of W2"));
  PetscCall(ReportDistance(comm, "primal", &o->primal, "cost of the map"));
  PetscCall(BrenierPrint(
      comm,
      "  duality gap    %.4g   95%% interval %.4g to %.4g   (primal - dual of W2^2/2; 0 when all masses are right)",
      (double)o->gap.value, (double)o->gap.low, (double)o->gap.high));
  PetscCall(ReportGap(comm, o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A name with the letter of its type, and the value. */
#define FIELD(type, name, member, meaning) #type " " #name, o->member,

PetscErrorCode BrenierReportHeldOut(MPI_Comm comm, const char event[], const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(o->curves > 0 ? PrintSampled(comm, o) : PrintExact(comm, o));
  PetscCall(BrenierLog(comm, event, "i curves", o->curves, BRENIER_HELD_OUT_NUMBERS(FIELD) NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
