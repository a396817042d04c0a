import CNghttp2
import Testing

@testable import Wire

@Suite("HPACK tables")
struct HPACKTablesTests {
    @Test func `every name of the table is found by its hash`() {
        let tables = HPACKTables.shared
        for number in 1...79 {
            let row = tables.rows[number]
            let found = tables.name(tables.name(of: row))
            #expect(found.rawValue == row.name, "\(number)")
            #expect(number > 61 || tables.rows[Int(found.rawValue)].nameCount == row.nameCount)
        }
    }

    @Test(arguments: ["", "a", "Cookie", "cooki", "cookies", "cookiE", "x-forwarded-fo", "content-lengtj", ":patx"])
    func `a name that is not in the table is unknown`(_ name: String) {
        let found = Array(name.utf8).withUnsafeBufferPointer { HPACKTables.shared.name($0) }
        #expect(found == .unknown)
    }

    @Test(arguments: [
        (HPACKName.method, ":method"), (.path, ":path"), (.protocol, ":protocol"), (.te, "te"), (.cookie, "cookie"),
        (.contentLength, "content-length"), (.authorization, "authorization"), (.wwwAuthenticate, "www-authenticate"),
        (.idempotencyKey, "idempotency-key"), (.xRequestId, "x-request-id"), (.connection, "connection"),
        (.upgrade, "upgrade"), (.keepAlive, "keep-alive"), (.proxyConnection, "proxy-connection"), (.host, "host"),
        (.trailer, "trailer"), (.transferEncoding, "transfer-encoding"), (.expect, "expect"),
        (.setCookie, "set-cookie"), (.xAPIKey, "x-api-key"), (.xRealIP, "x-real-ip"), (.status, ":status"),
    ])
    func `a name has its number`(_ name: HPACKName, _ text: String) {
        let found = Array(text.utf8).withUnsafeBufferPointer { HPACKTables.shared.name($0) }
        #expect(found == name)
    }

    @Test func `the static table is nghttp2's`() {
        for index in 1...61 {
            var decoder = HPACKDecoder()
            let lines = try? decoder.lines(of: [0x80 | UInt8(index)]).get()
            let reference = ReferenceDecoder().lines(of: [0x80 | UInt8(index)])
            #expect(lines == reference, "\(index)")
            #expect(lines?.count == 1)
        }
    }

    @Test func `the lengths are a complete code`() {
        let sum = HuffmanTables.lengths.reduce(0) { $0 + 1 << (30 - Int($1)) }
        #expect(sum == 1 << 30)
        #expect(HuffmanTables.lengths.count == 257)
    }

    /// Alone, behind and before others, so that each code is met at each bit of a byte, in the fast part and at the end.
    @Test func `every symbol is decoded as nghttp2 coded it`() throws {
        let reference = ReferenceEncoder()
        for symbol in UInt8.min...UInt8.max {
            for before in 0..<8 {
                let text = [UInt8](repeating: 0x30, count: before) + [symbol] + [UInt8](repeating: 0x61, count: 40)
                let line = HPACKLine(Array("x".utf8), text, isNeverIndexed: true)
                let tail = HPACKLine(
                    Array("x".utf8), [UInt8](repeating: 0x30, count: 40 + before) + [symbol], isNeverIndexed: true)
                let block = reference.block(of: [line, tail])
                var decoder = HPACKDecoder()
                guard try decoder.lines(of: block).get() == [line, tail] else {
                    Issue.record("\(symbol) behind \(before)")
                    return
                }
            }
        }
    }
}
