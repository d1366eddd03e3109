/* dual_private.h - What the files of the dual share. */
#pragma once

#include <brenier/base.h>
#include <brenier/dual.h>
#include <brenier/envelope.h>
#include <petscsf.h>

/* Pieces of all local curves, one after the other. */
typedef struct {
  PetscInt64 *offset; /* curve c has pieces offset[c] to offset[c + 1] - 1; shape [n_local + 1] */
  PetscInt64  n, capacity;
  PetscInt   *target; /* global target; after the evaluation its leaf */
  PetscReal  *a, *b;  /* the plane along the curve, normalised targets */
  PetscReal  *start;
} BrenierPieces;

/* Candidates of all local curves, kept between evaluations: those of curve c are the n[c] entries from offset[c] on, by
   ascending target. Lists that change move to the end of the arena. lists.c says what they certify. */
typedef struct {
  PetscInt64 *offset;
  PetscInt   *n;       /* -1: the curve was never scanned */
  PetscInt64  n_total; /* entries in use */
  PetscInt64  end, capacity;
  PetscInt64  fixed_end; /* entries before are a mark's and stay as they are */
  PetscBool   global;    /* whether `target` is global: while leaves are made anew */
  PetscInt   *target;    /* leaf, or global */
  PetscReal  *a, *b;
  float      *low; /* of an anchor, the height it must not fall below; -INFINITY for the others */
} BrenierLists;

/* What BrenierDualMark() noted: the sample and its lists as they were. Their entries are in the arena still. */
typedef struct {
  PetscInt        n_segments, n_local;
  PetscInt64     *offset; /* shape [n_local] */
  PetscInt       *n;
  PetscInt64      n_total;
  PetscReal      *cap;
  BrenierDualWork work;
} BrenierMark;

/* Curves drawn together, split over the ranks in contiguous ranges. */
typedef struct {
  PetscInt64 begin, end; /* global */
  PetscInt64 first;      /* global index of this rank's first */
  PetscInt   local;      /* its local index */
} BrenierSegment;

enum { BRENIER_MAX_SEGMENTS = 64 };

struct _p_BrenierDual {
  /* parameters */
  MPI_Comm           comm;
  BrenierTargets     targets; /* borrowed */
  BrenierSource      source;
  BrenierCurveType   curve_type;
  BrenierLineMeasure measure;
  PetscInt64         seed, n_curves;
  uint32_t           stream;
  PetscInt           n_batches;
  int                mass_bits; /* a whole curve is 2^mass_bits units of mass */
  PetscReal         *slack;     /* normalised, shape [targets here] */
  PetscBool          keeps_lists, verify, trusting, repeating;
  PetscReal          shift;   /* sum nu h at the last evaluation by lists, normalised */
  PetscBool          crowded; /* the last scan found the lists crowded, and was given up */
  /* layout */
  BrenierSegment segment[BRENIER_MAX_SEGMENTS];
  PetscInt       n_segments;
  PetscInt       n_local;    /* curves on this rank */
  PetscInt       chunk_size; /* curves a chunk holds at most */
  /* data: lists */
  BrenierLists lists;
  PetscReal   *cap;     /* heights up to which the lists hold, gauged and normalised; shape [targets here] */
  PetscBool    renewed; /* slack or sample changed since the last evaluation */
  BrenierMark  mark;    /* n_segments = 0: none */
  /* data: the last evaluation */
  BrenierPieces pieces;
  PetscInt      n_leaves;    /* different targets that own pieces here */
  PetscInt     *leaf_target; /* their global indices, ascending */
  PetscReal    *leaf_height; /* normalised */
  PetscSF       sf;          /* leaves to targets; NULL before the first evaluation */
  PetscInt64   *mass_units;  /* shape [n_batches, n targets here] */
  PetscReal    *batch_mass;  /* the same as shares */
  PetscReal    *potential;   /* int u along each local curve, normalised; shape [n_local] */
  PetscReal    *square;      /* mean |x|^2 along each local curve */
  /* status */
  BrenierDualWork work;
};

/* This rank's part [from, to) of batch b in one segment, in local curves, and the size of the batch over all. */
void       BrenierDualBatch_Private(BrenierDual dual, PetscInt b, PetscInt segment, PetscInt *from, PetscInt *to);
PetscInt64 BrenierDualBatchSize_Private(BrenierDual dual, PetscInt b);

/* Global index of local curve c: what names it in the stream. */
PetscInt64 BrenierDualCurveIndex_Private(BrenierDual dual, PetscInt c);

/* Draws local curve c into z: z1 at z[0], z2 at z[dim]. */
void BrenierDualDraw_Private(BrenierDual dual, PetscInt c, PetscReal z[], BrenierCurve *curve);

/* Plane of a normalised target along a curve. */
void BrenierDualPlane_Private(BrenierDual dual, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                              PetscReal *b);

/* Share of the curve's measure before t. */
PetscReal BrenierDualShare_Private(BrenierDual dual, PetscReal t);

/* End of piece p of local curve c. */
PetscReal BrenierDualPieceEnd_Private(BrenierDual dual, PetscInt c, PetscInt64 p);

/* Walks the envelope of k planes listed by ascending target; 0, or -1 when memory is out. Threads may call it at once. */
int BrenierDualEnvelope_Private(BrenierDual dual, PetscInt k, const PetscReal a[], const PetscReal b[],
                                const PetscReal h[], BrenierEnvelope *envelope);

/* int u along the curve of that envelope. Threads may call it at once. */
PetscReal BrenierDualIntegral_Private(BrenierDual dual, const BrenierEnvelope *envelope, const PetscReal a[],
                                      const PetscReal b[], const PetscReal h[]);

/* Enters that envelope as the pieces of local curve c; curves come in ascending order. */
PetscErrorCode BrenierDualEnter_Private(PetscInt c, const BrenierEnvelope *envelope, const PetscInt target[],
                                        const PetscReal a[], const PetscReal b[], BrenierPieces *pieces);

/* Curves, times the threads, whose envelopes are walked at once before they are entered one after the other. */
enum { BRENIER_ENVELOPES_AT_ONCE = 16 };
PetscErrorCode BrenierPiecesFree_Private(BrenierPieces *pieces);

/* Sets the list of local curve c, replacing what it had; low as in BrenierLists. In lists.c. */
PetscErrorCode BrenierListsSet_Private(BrenierLists *lists, PetscInt c, PetscInt n, const PetscInt target[],
                                       const PetscReal a[], const PetscReal b[], const float low[]);
PetscErrorCode BrenierListsReserve_Private(BrenierLists *lists, PetscInt old_curves, PetscInt n_curves);
PetscErrorCode BrenierListsFree_Private(BrenierLists *lists);

/* Copies the lists, and those of the mark, side by side into a new arena when much of the old one is not in use. */
PetscErrorCode BrenierListsCompact_Private(BrenierDual dual);

/* Whether risen targets made lists so much longer than full scans did that another full scan is due. Collective. */
PetscErrorCode BrenierListsCrowded_Private(BrenierDual dual, PetscBool *crowded);
PetscErrorCode BrenierMarkFree_Private(BrenierMark *mark);

/* Brings the lists up to date with heights h (normalised, of the local targets; `shift` is their mean) and walks them:
   replaces dual->pieces (targets are leaves) and dual->potential. In lists.c. */
PetscErrorCode BrenierDualWalkLists_Private(BrenierDual dual, const PetscReal h[], PetscReal shift);

/* What a scan does with the targets it is given. */
typedef enum {
  BRENIER_SCAN_PIECES, /* all targets: makes pieces (targets global) at heights low = cap */
  BRENIER_SCAN_LISTS,  /* all targets: makes lists that hold for heights from low to cap */
  BRENIER_SCAN_MORE    /* some targets: adds them to the lists where they reach */
} BrenierScanMode;

/* Meets n_curves local curves with targets of this rank, all or those chosen: y' from the targets, heights low and cap, shape
   [targets here]. Collective. pieces: for BRENIER_SCAN_PIECES. In scan.c. */
PetscErrorCode BrenierDualScan_Private(BrenierDual dual, BrenierScanMode mode, PetscInt n_curves,
                                       const PetscInt curve[], PetscInt n_targets, const PetscInt target[],
                                       const PetscReal low[], const PetscReal cap[], BrenierPieces *pieces);

/* Finds the different targets among n global ones, renumbers these by them, and builds the star forest. */
PetscErrorCode BrenierDualBuildLeaves_Private(BrenierDual dual, PetscInt64 n, PetscInt target[]);

/* Values of the local targets at the leaves of this rank. Collective. */
PetscErrorCode BrenierDualToLeaves_Private(BrenierDual dual, const PetscReal value[], PetscReal leaf[]);
