@testable import Wire

/// Bytes from hexadecimal digits, blanks between them.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap { $0.hexDigitValue.map(UInt8.init) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

extension SeededGenerator {
    private static let names = [
        ":method", ":path", ":scheme", ":authority", ":status", "accept", "accept-encoding", "authorization",
        "cache-control", "content-length", "content-type", "cookie", "date", "etag", "set-cookie", "user-agent",
        "traceparent", "x-request-id", "x-forwarded-for", "x-custom", "a", "x-tenant-with-quite-a-long-name", "te",
    ]
    private static let values = [
        "", "GET", "POST", "/", "/index.html", "https", "200", "404", "418", "gzip, deflate", "no-cache",
        "application/json; charset=utf-8", "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI0MiIsImV4cCI6MTcwMDAwMDAwMH0.c2ln",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "*/*", "a=b", "trailers",
    ]

    /// A header list such as repeats itself: few names, few values, sometimes one that never came before.
    mutating func headerList() -> [HPACKLine] {
        (0..<Int.random(in: 0...20, using: &self)).map { _ in
            let name = Self.names.randomElement(using: &self) ?? ""
            return HPACKLine(
                Array(name.utf8), headerValue(), isNeverIndexed: Int.random(in: 0..<12, using: &self) == 0)
        }
    }

    private mutating func headerValue() -> [UInt8] {
        switch Int.random(in: 0..<20, using: &self) {
        case 0: bytes(from: Array(0...255), 0...60)
        case 1: bytes(from: Array("abcdefghijklmnopqrstuvwxyz0123456789-_.ABCDEF".utf8), 0...400)
        case 2: bytes(from: Array("x".utf8), 900...4300)
        case 3: bytes(from: Array("0123456789".utf8), 1...3)
        default: Array((Self.values.randomElement(using: &self) ?? "").utf8)
        }
    }
}
