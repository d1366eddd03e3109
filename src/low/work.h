/* work.h - What the files of low/ share: unit planes, convex polygons that remember their edges' planes, and sums. */
#pragma once

#include "low/cell.h"

#include <stddef.h>

/* A half-space <x - centre, n> <= h with |n| = 1. */
typedef struct {
  double n[3], h, norm; // norm of the constraint's a_j
  int    id;            // constraint, or k + 2 axis + side for the border of the domain
} BrenierPlane;

/* Counterclockwise; edge v leads from vertex v to vertex v + 1. */
typedef struct {
  int     n, capacity;
  double *x;    // [2 n]
  int    *edge; // [n] position in the list of planes
  double *s;    // [n] distances from the line of the current cut
  double  size; // largest coordinate
} BrenierPolygon;

/* An edge in the coordinates whose origin is the centre of the Gaussian. */
typedef struct {
  double n[2], p;  // outward normal, distance of its line from the origin
  double from, to; // along the line from the foot of the perpendicular
  double measure;  // integral of the density of N(0, I_2)
} BrenierEdge;

typedef struct {
  double mass, first[2], second[3];
} BrenierFlat;

/* The cone from the origin to a polygon: the sum of gauss.c and of the sizes of its terms. */
typedef struct {
  double sum, size, solid_angle, gap; // gap: distance of the origin from the polygon
} BrenierCone;

/* A facet of a polyhedron: a polygon in the plane's frame (t1, t2). */
typedef struct {
  int    plane, start, n; // vertices start .. start + n - 1 of the pool
  double t1[3], t2[3];
} BrenierFacet;

struct BrenierCellWork {
  int            dim, k;
  double         centre[3]; // local origin
  double         radius;    // of the cell about it
  int            planes, plane_capacity;
  BrenierPlane  *plane;
  BrenierPolygon polygon[2]; // the current one first
  int            edge_capacity;
  BrenierEdge   *edge; // edges of one polygon
  int            facets, facet_capacity, pool, pool_capacity;
  BrenierFacet  *facet;
  double        *uv;        // [2 pool] facets' vertices in their frames
  double        *at;        // [3 pool] the same in space, from the centre
  int           *pool_edge; // [pool]
  int            vertices, vertex_capacity;
  double        *vertex; // [3 vertices]
  int           *active; // [3 vertices]
};

/* polygon.c */
int    BrenierPolygonReserve(BrenierPolygon *polygon, int n);
void   BrenierPolygonSquare(BrenierPolygon *polygon, double half);
void   BrenierPolygonCut(BrenierPolygon pair[2], double gx, double gy, double r, int plane);
void   BrenierPolygonMean(int n, const double x[], double mean[2]);
void   BrenierPolygonUniform(int n, const double x[], const double about[2], BrenierFlat *flat);
void   BrenierFlatShift(const double centre[2], BrenierFlat *flat);
double BrenierPolygonRadius(int n, const double x[], const double about[2]);

/* gauss.c, slabs.c, sections.c, tetrahedra.c */
double BrenierNormalDensity(double t);
void   BrenierGaussPolygon(int n, const double x[], const double centre[2], BrenierEdge edge[], BrenierFlat *flat,
                           double h, BrenierCone *cone);
void   BrenierGaussSlabs(int n, const double x[], const double centre[2], double far, BrenierFlat *flat);
int    BrenierGaussSections(BrenierCellWork *work, double size, double far, BrenierCell *cell);
void   BrenierGaussTetrahedra(const BrenierCellWork *work, const double point[3], double pace, BrenierCell *cell);

/* Cells of the planes of the work space by law; 0, or nonzero when out of memory. The sums they are added to are zero
   before. */
int BrenierCellPolygon(BrenierLaw law, const double a[], const double b[], BrenierCellWork *work, BrenierCell *cell,
                       double facet[]);
int BrenierCellPolyhedron(BrenierLaw law, const double a[], const double b[], BrenierCellWork *work, BrenierCell *cell,
                          double facet[]);
int BrenierCellArcs(int k, const double a[], const double b[], BrenierCellWork *work, BrenierCell *cell,
                    double facet[]);

/* work.c */
int BrenierCellReserve(void **array, int *capacity, int n, size_t size);
int BrenierCellReserveVertices(BrenierCellWork *work, int n);

/* planes.c. Frame: t1, t2, n right-handed. AddPlanes: whether anything can be left. */
int    BrenierCellConstraint(const BrenierCellWork *work, int plane);
double BrenierLawHalf(BrenierLaw law);
void   BrenierCellMoveCentre(BrenierLaw law, const double a[], const double b[], const double by[],
                             BrenierCellWork *work);
int    BrenierCellAddPlanes(BrenierLaw law, const double a[], const double b[], BrenierCellWork *work);
void   BrenierFrame(const double n[3], double t1[3], double t2[3]);
