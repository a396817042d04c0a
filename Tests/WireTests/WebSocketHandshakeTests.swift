import Testing
import Wire

@Suite struct WebSocketHandshakeTests {
    /// RFC 6455 §1.3.
    @Test func `answers the key of the RFC's example`() {
        let accept = WebSocketHandshake.accept(for: Array("dGhlIHNhbXBsZSBub25jZQ==".utf8))
        #expect(String(decoding: accept, as: UTF8.self) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func `a key is sixteen bytes in base64`() {
        let key = WebSocketHandshake.key((0x0001_0203_0405_0607, 0x0809_0A0B_0C0D_0E0F))
        #expect(String(decoding: key, as: UTF8.self) == "AAECAwQFBgcICQoLDA0ODw==")
    }
}
