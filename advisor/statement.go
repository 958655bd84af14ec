package advisor

// statementRules advise on how statements are written.
var statementRules = []rule{
	nonSargable{}, leadingWildcard{}, inlined{}, reprepared{}, wideStar{}, unboundedResult{}, offsetPaging{}, notIn{}, orUnion{},
}
