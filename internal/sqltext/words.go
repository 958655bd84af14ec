package sqltext

// keyword numbers the keywords in the order of keywordNames; 0 is no keyword.
type keyword uint8

const (
	_ keyword = iota
	kwAbort
	kwAction
	kwAdd
	kwAfter
	kwAll
	kwAlter
	kwAlways
	kwAnalyze
	kwAnd
	kwAs
	kwAsc
	kwAttach
	kwAutoincrement
	kwBefore
	kwBegin
	kwBetween
	kwBy
	kwCascade
	kwCase
	kwCast
	kwCheck
	kwCollate
	kwColumn
	kwCommit
	kwConflict
	kwConstraint
	kwCreate
	kwCross
	kwCurrent
	kwCurrentDate
	kwCurrentTime
	kwCurrentTimestamp
	kwDatabase
	kwDefault
	kwDeferrable
	kwDeferred
	kwDelete
	kwDesc
	kwDetach
	kwDistinct
	kwDo
	kwDrop
	kwEach
	kwElse
	kwEnd
	kwEscape
	kwExcept
	kwExclude
	kwExclusive
	kwExists
	kwExplain
	kwFail
	kwFilter
	kwFirst
	kwFollowing
	kwFor
	kwForeign
	kwFrom
	kwFull
	kwGenerated
	kwGlob
	kwGroup
	kwGroups
	kwHaving
	kwIf
	kwIgnore
	kwImmediate
	kwIn
	kwIndex
	kwIndexed
	kwInitially
	kwInner
	kwInsert
	kwInstead
	kwIntersect
	kwInto
	kwIs
	kwIsnull
	kwJoin
	kwKey
	kwLast
	kwLeft
	kwLike
	kwLimit
	kwMatch
	kwMaterialized
	kwNatural
	kwNo
	kwNot
	kwNothing
	kwNotnull
	kwNull
	kwNulls
	kwOf
	kwOffset
	kwOn
	kwOr
	kwOrder
	kwOthers
	kwOuter
	kwOver
	kwPartition
	kwPlan
	kwPragma
	kwPreceding
	kwPrimary
	kwQuery
	kwRaise
	kwRange
	kwRecursive
	kwReferences
	kwRegexp
	kwReindex
	kwRelease
	kwRename
	kwReplace
	kwRestrict
	kwReturning
	kwRight
	kwRollback
	kwRow
	kwRows
	kwSavepoint
	kwSelect
	kwSet
	kwTable
	kwTemp
	kwTemporary
	kwThen
	kwTies
	kwTo
	kwTransaction
	kwTrigger
	kwUnbounded
	kwUnion
	kwUnique
	kwUpdate
	kwUsing
	kwVacuum
	kwValues
	kwView
	kwVirtual
	kwWhen
	kwWhere
	kwWindow
	kwWith
	kwWithout
	kwTrue // TRUE and FALSE are names to SQLite's tokenizer, and constants where no column has the name
	kwFalse
	keywordEnd
)

// keywordNames are the 147 keywords of https://sqlite.org/lang_keywords.html, then TRUE and FALSE.
const keywordNames = `
ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY
CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE
CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP
EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR FOREIGN FROM
FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD
INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL
NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE
RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS
SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE
USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT TRUE FALSE`
