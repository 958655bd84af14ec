package advisor

// statementRules advise on how statements are written.
var statementRules = []rule{}
