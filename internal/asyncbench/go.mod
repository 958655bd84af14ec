module github.com/sqliteperf/sqliteperf/internal/asyncbench

go 1.26.0

replace github.com/sqliteperf/sqliteperf => ../..

require (
	github.com/alitto/pond/v2 v2.5.0
	github.com/panjf2000/ants/v2 v2.11.3
	github.com/sqliteperf/sqliteperf v0.0.0
	golang.org/x/sync v0.17.0
)

require (
	github.com/bits-and-blooms/bitset v1.24.4 // indirect
	github.com/failsafe-go/failsafe-go v0.9.8 // indirect
	github.com/thejerf/suture/v4 v4.0.6 // indirect
)
