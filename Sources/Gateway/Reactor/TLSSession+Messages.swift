import COpenSSL

/// Handshake messages after the handshake. Renegotiation is off and TLS 1.3 has no other kind from a client than
/// KeyUpdate (RFC 8446 §4.6.3), which costs the receiver two key derivations: a client that sends them for their own sake
/// is sent away.
extension TLSSession {
    /// State changes; OpenSSL reports some four for a KeyUpdate that wants an answer.
    private static let allowedMessages = 512
    /// Another one is allowed for so much content.
    private static let bytesPerMessage: UInt64 = 1 << 20

    /// Has `context` tell each session of its messages. Not called for records of content, so that it costs those nothing.
    static func countMessages(in context: OpaquePointer) {
        SSL_CTX_set_info_callback(context) { ssl, event, _ in
            guard event == SSL_CB_ACCEPT_LOOP, let ssl, let session = TLSSession.of(ssl) else { return }
            session.messages += 1
        }
    }

    /// Whether the other side sends handshake messages without end.
    var isFlooded: Bool {
        messages > Self.allowedMessages && UInt64(messages - Self.allowedMessages) > contentBytes / Self.bytesPerMessage
    }
}
