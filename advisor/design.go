package advisor

// schemaRules advise on how tables are declared and how the file grows.
var schemaRules = []rule{rowidAlias{}, keyTable{}, randomKey{}, textTime{}, largeValue{}}
