// Package httpbench holds the capture of HTTP against its peers and under other routers and middlewares: what they
// need is no dependency of the module.
//
//	go test -run - -bench . -count 10
package httpbench
