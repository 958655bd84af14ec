// Package sqlmiddleware has three sqlmw interceptors for SQLite: Retry tries a busy statement again, Guard
// refuses or stops statements, and Tags adds sqlcommenter comments.
//
// They go into driver.Config.Interceptors, or into any chain of sqlmw.Driver above modernc.org/sqlite, in
// any order; the first of a chain is the outermost. A good one is Guard, Retry, Tags: the guard then
// refuses before anything waits and its deadline includes the retries, and the comments, which may
// differ from call to call, stay out of what Guard and Retry remember about a text.
//
//	connector := driver.NewConnector("app.db?_txlock=immediate", driver.Config{
//		Interceptors: []sqlmw.Interceptor{
//			sqlmiddleware.Guard(sqlmiddleware.GuardConfig{Deadline: 5 * time.Second}),
//			sqlmiddleware.Retry(sqlmiddleware.RetryConfig{}),
//		},
//	})
//	db := sql.OpenDB(connector)
//
// All are safe for concurrent use by the connections of many databases. None starts a goroutine. What they
// remember is bounded: up to 512 texts of up to 4 KiB for each interceptor, and for Retry one entry per
// open transaction, up to 4096. Calls without a context, which database/sql does not make, pass by sqlmw.
package sqlmiddleware
