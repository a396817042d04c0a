import GatewayTestSupport
import Testing

@testable import Wire

/// The values that a session is made of, each by itself.
@Suite struct HTTP2PartsTests {
    // MARK: - Windows

    @Test(
        arguments: [
            (65_535, 1, 65_536 as Int32?), (0, -70_000, -70_000), (0x7FFF_FFFF, 1, nil),
            (0x7FFF_0000, 0xFFFF, 0x7FFF_FFFF),
            (-5, 0x7FFF_FFFF, 0x7FFF_FFFA), (1, 0x7FFF_FFFF, nil),
        ] as [(Int32, Int64, Int32?)])
    func `a send window changes within 31 bits`(before: Int32, difference: Int64, after: Int32?) {
        var window = SendWindow(before)
        let isChanged = window.change(by: difference)
        #expect(isChanged == (after != nil))
        #expect(window.available == after ?? before, "what does not fit changes nothing")
    }

    @Test func `a receive window opens again when half of it was used`() {
        var window = ReceiveWindow(1_000)
        let isTaken = window.take(1_000)
        let isExceeded = !window.take(1)
        #expect(isTaken && isExceeded)
        let early = window.consume(499)
        #expect(early == 0 && window.available == 0)
        let half = window.consume(1)
        #expect(half == 500 && window.available == 500)
        let isExceededAgain = !window.take(501)
        #expect(isExceededAgain)
        let rest = window.consume(500)
        #expect(rest == 500 && window.available == 1_000)
    }

    /// The other side may have used more than half of the smaller window before it knew of it.
    @Test func `a receive window that shrinks keeps what is under way`() {
        var window = ReceiveWindow()
        let isTaken = window.take(1_500)
        let early = window.consume(600)
        #expect(isTaken && early == 0)
        window.resize(to: 1_000)
        #expect(window.available == -500)
        let isShut = !window.take(1)
        #expect(isShut)
        let increment = window.consume(0)
        #expect(increment == 600 && window.available == 100)
    }

    // MARK: - SETTINGS

    static let settings: [(String, [(UInt16, UInt32)], fromServer: Bool, HTTP2ErrorCode?)] = [
        ("push of a client", [(2, 1)], false, nil),
        ("push of a server", [(2, 1)], true, .protocolError),
        ("no push of a server", [(2, 0)], true, nil),
        ("push of 2", [(2, 2)], false, .protocolError),
        ("the largest window", [(4, 0x7FFF_FFFF)], false, nil),
        ("a window beyond", [(4, 0x8000_0000)], false, .flowControl),
        ("frames too small", [(5, 16_383)], false, .protocolError),
        ("frames too large", [(5, 16_777_216)], false, .protocolError),
        ("frames of both bounds", [(5, 16_384), (5, 16_777_215)], false, nil),
        ("extended CONNECT of 2", [(8, 2)], true, .protocolError),
        ("extended CONNECT taken back", [(8, 1), (8, 0)], true, .protocolError),
        ("unknown", [(9, 7), (0xFFFF, 7)], true, nil),
    ]

    @Test(arguments: settings.indices)
    func `settings are checked one by one`(index: Int) {
        let (name, values, fromServer, expected) = Self.settings[index]
        #expect(apply(RawFrame.settings(values).payload, fromServer: fromServer) == expected, "\(name)")
    }

    private func apply(_ payload: [UInt8], fromServer: Bool = true) -> HTTP2ErrorCode? {
        var peer = PeerSettings()
        do throws(HTTP2ErrorCode) {
            try peer.apply(payload.span, fromServer: fromServer)
            return nil
        } catch {
            return error
        }
    }

    @Test func `the last setting of a kind counts, and silence about streams means no limit`() throws {
        var peer = PeerSettings()
        #expect(peer.concurrentStreams == 100)
        try peer.apply(RawFrame.settings([(4, 5), (1, 0), (4, 7)]).payload.span, fromServer: true)
        #expect(peer.areKnown)
        #expect(peer.initialWindow == 7)
        #expect(peer.headerTableSize == 0)
        try peer.apply(RawFrame.settings([(1, 9), (1, 3), (1, 7)]).payload.span, fromServer: true)
        #expect(peer.headerTableSize == 7 && peer.smallestHeaderTableSize == 3)
        #expect(peer.concurrentStreams == .max)
        #expect(apply([0, 3, 0]) == .frameSize)
    }

    // MARK: - Frames

    @Test func `frames are found however their bytes are cut`() {
        let frames: [RawFrame] = [
            .settings([]), .settings([(3, 7), (4, 9)]), .data(1, "", end: false), .data(3, "some text"),
            .headers(5, Pattern.bytes(300)), RawFrame(type: 0xEE, flags: 0xFF, stream: 0x7FFF_FFFF, payload: [1]),
            .ping(),
        ]
        let bytes = RawFrame.preface + frames.flatMap(\.bytes)
        for size in [1, 2, 3, 7, 8, 9, 10, 11, 100, bytes.count] { #expect(read(bytes, pieces: size) == frames) }
    }

    @Test(arguments: [0, 1, 23])
    func `a preface that differs in one byte is none`(position: Int) {
        var bytes = RawFrame.preface + RawFrame.ping().bytes
        bytes[position] ^= 1
        var reader = FrameReader(expectsPreface: true)
        var offset = 0
        #expect(reader.next(in: bytes.span, from: &offset) == .badPreface)
    }

    private func read(_ bytes: [UInt8], pieces size: Int) -> [RawFrame] {
        var reader = FrameReader(expectsPreface: true)
        var frames: [RawFrame] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            var offset = 0
            var isOver = false
            while !isOver {
                switch reader.next(in: piece.span, from: &offset) {
                case .wantsMore: isOver = true
                case .badPreface: return []
                case .begins:
                    let header = reader.header
                    frames.append(RawFrame(type: header.type, flags: header.flags, stream: header.stream))
                case .payload(let range), .data(let range): frames[frames.count - 1].payload += piece[range]
                case .keptPayload:
                    var kept = Arena<UInt8>()
                    reader.takeKept(&kept)
                    frames[frames.count - 1].payload += Array(kept.buffer)
                    kept.releaseMemory()
                }
            }
            #expect(offset == piece.count)
        }
        return frames
    }

    // MARK: - Tables

    /// A property test: what a dictionary says is true.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `a stream table finds what is in it, and nothing else`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = StreamTable()
        var known: [UInt32: HTTP2Stream] = [:]
        var next: UInt32 = 1
        for _ in 0..<2_000 {
            if known.count < 60 && Bool.random(using: &random) {
                // Ids with gaps, often of the same low bits.
                next += UInt32.random(in: 1...3, using: &random) * (seed % 2 == 0 ? 2 : 64)
                let stream = HTTP2Stream()
                stream.id = next
                table.insert(stream, next)
                known[next] = stream
            } else if let id = known.keys.sorted().randomElement(using: &random) {
                table.remove(id)
                known[id] = nil
            }
            #expect(table.count == known.count)
            let id = UInt32.random(in: 0...next + 4, using: &random)
            #expect(table.find(id) === known[id], "seed \(seed)")
        }
        for (id, stream) in known { #expect(table.find(id) === stream) }
        #expect(Set(table.all().map(\.id)) == Set(known.keys))
    }

    @Test func `a queue of streams gives them in their order, however long it lives`() {
        var queue = StreamQueue()
        var added: UInt32 = 0
        var taken: UInt32 = 0
        for round in 0..<500 {
            for _ in 0..<(round % 7) {
                added += 1
                queue.append(added)
            }
            for _ in 0..<(round % 5) where taken < added {
                taken += 1
                let id = queue.next()
                #expect(id == taken)
            }
        }
        while let id = queue.next() {
            taken += 1
            #expect(id == taken)
        }
        #expect(taken == added && queue.isEmpty)
    }
}
