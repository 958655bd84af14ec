package advisor

// transactionRules advise on how statements are grouped into transactions.
var transactionRules = []rule{lockUpgrade{}, autocommitBurst{}, longTransaction{}, rollbacks{}}
