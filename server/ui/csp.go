package ui

// ContentSecurityPolicy is the policy the page is built for and served with: its own script, style and
// endpoints, nothing inline, nothing from elsewhere, in no frame. A server may send the same value for
// its other answers.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
