package middleware

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// classify is why a request that was sent has no answer, or only a part of it.
func classify(err error) capture.ErrorClass {
	var timeout net.Error
	switch {
	case err == nil:
		return capture.ErrorNone
	case errors.Is(err, context.Canceled):
		return capture.ErrorInterrupted
	case errors.As(err, &timeout) && timeout.Timeout():
		return capture.ErrorTimeout
	case is[*net.DNSError](err):
		return capture.ErrorResolve
	case dialed(err):
		return capture.ErrorConnect
	case refused(err):
		return capture.ErrorTLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return capture.ErrorBroken
	}
	return capture.ErrorOther
}

// dialed says that there was no connection.
func dialed(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// refused says that one of the two sides did not want to speak TLS with the other.
func refused(err error) bool {
	return is[*tls.CertificateVerificationError](err) || is[tls.RecordHeaderError](err) || is[tls.AlertError](err) ||
		is[x509.UnknownAuthorityError](err) || is[x509.HostnameError](err) || is[x509.CertificateInvalidError](err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
