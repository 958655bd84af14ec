// Package asyncbench measures middleware/async beside other libraries. It is a module of its own, so that nobody who
// uses the library meets them.
package asyncbench
