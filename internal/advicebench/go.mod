module github.com/sqliteperf/sqliteperf/internal/advicebench

go 1.26.0
