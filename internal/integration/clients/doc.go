// Package clients lives a short life of an application with each of several database libraries,
// once on the driver "sqlite" and once on "sqlite-perf".
//
// What the application sees, errors included, and what is in the file afterwards must be the same,
// and the recorder must have seen the statements that the library made.
package clients
