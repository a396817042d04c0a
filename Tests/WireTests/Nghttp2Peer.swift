import CNghttp2

@testable import Wire

/// The other end, by an implementation that shares nothing with ours: a client that asks, or a server that echoes.
final class Nghttp2Peer {
    final class Stream {
        var fields: [FieldSummary] = []
        var trailers: [FieldSummary] = []
        var headIsIn = false
        var body: [UInt8] = []
        var hasEnded = false
        var closeCode: UInt32?
        var outgoing: [UInt8] = []
        var offset = 0
        var outgoingTrailers: [FieldSummary] = []
    }

    private var session: OpaquePointer?
    private let isServer: Bool
    private(set) var streams: [Int32: Stream] = [:]
    /// Server: what a request is answered with, once it is whole.
    var answer: (Stream) -> (fields: [FieldSummary], body: [UInt8], trailers: [FieldSummary]) = { _ in ([], [], []) }

    init(isServer: Bool, streamWindow: UInt32, tableSize: UInt32) {
        self.isServer = isServer
        var callbacks: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        Self.install(callbacks)
        let context = Unmanaged.passUnretained(self).toOpaque()
        if isServer {
            nghttp2_session_server_new(&session, callbacks, context)
        } else {
            nghttp2_session_client_new(&session, callbacks, context)
        }
        nghttp2_session_callbacks_del(callbacks)
        let settings = [
            nghttp2_settings_entry(settings_id: 4, value: streamWindow),
            nghttp2_settings_entry(settings_id: 1, value: tableSize),
        ]
        nghttp2_submit_settings(session, 0, settings, settings.count)
    }

    deinit { nghttp2_session_del(session) }

    /// - Returns: false when it refuses what it was given.
    func receive(_ bytes: [UInt8]) -> Bool { nghttp2_session_mem_recv(session, bytes, bytes.count) == bytes.count }

    func output() -> [UInt8] {
        var output: [UInt8] = []
        while true {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            if count <= 0 { return output }
            output += UnsafeBufferPointer(start: bytes, count: count)
        }
    }

    func request(_ fields: [FieldSummary], body: [UInt8], trailers: [FieldSummary]) -> Stream {
        let stream = Stream()
        stream.outgoing = body
        stream.outgoingTrailers = trailers
        let hasBody = !body.isEmpty || !trailers.isEmpty
        let id = Self.withPairs(fields) { pairs in
            var provider = Self.provider
            return hasBody
                ? nghttp2_submit_request(session, nil, pairs, pairs.count, &provider, nil)
                : nghttp2_submit_request(session, nil, pairs, pairs.count, nil, nil)
        }
        streams[id] = stream
        return stream
    }

    private func respond(_ id: Int32, _ stream: Stream) {
        let (fields, body, trailers) = answer(stream)
        stream.outgoing = body
        stream.outgoingTrailers = trailers
        Self.withPairs(fields) { pairs in
            var provider = Self.provider
            _ = nghttp2_submit_response(session, id, pairs, pairs.count, &provider)
        }
    }

    private static func withPairs<R>(_ fields: [FieldSummary], _ body: ([nghttp2_nv]) -> R) -> R {
        // Kept in one piece of memory for the call.
        let bytes = fields.flatMap { Array($0.name.utf8) + Array($0.value.utf8) }
        return bytes.withUnsafeBufferPointer { memory in
            var offset = 0
            let pairs = fields.map { field in
                let start = UnsafeMutablePointer(mutating: memory.baseAddress)
                let name = start.map { $0 + offset }
                let value = start.map { $0 + offset + field.name.utf8.count }
                offset += field.name.utf8.count + field.value.utf8.count
                return nghttp2_nv(
                    name: name, value: value, namelen: field.name.utf8.count, valuelen: field.value.utf8.count, flags: 0
                )
            }
            return body(pairs)
        }
    }

    private static var provider: nghttp2_data_provider {
        var provider = nghttp2_data_provider()
        provider.read_callback = { session, id, buffer, limit, flags, _, context in
            guard let flags, let buffer, let stream = peer(context).streams[id] else { return -902 }
            let count = min(limit, stream.outgoing.count - stream.offset)
            stream.outgoing[stream.offset..<stream.offset + count].withUnsafeBufferPointer { bytes in
                if let base = bytes.baseAddress { buffer.update(from: base, count: count) }
            }
            stream.offset += count
            guard stream.offset == stream.outgoing.count else { return count }
            flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if !stream.outgoingTrailers.isEmpty {
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                _ = Nghttp2Peer.withPairs(stream.outgoingTrailers) { nghttp2_submit_trailer(session, id, $0, $0.count) }
            }
            return count
        }
        return provider
    }

    private static func install(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, count, _, context in
            guard let id = frame?.pointee.hd.stream_id else { return 0 }
            let owner = peer(context)
            let stream = owner.streams[id] ?? Stream()
            owner.streams[id] = stream
            let field = FieldSummary(
                String(copying: UnsafeBufferPointer(start: name, count: nameCount).span),
                String(copying: UnsafeBufferPointer(start: value, count: count).span))
            if stream.headIsIn { stream.trailers.append(field) } else { stream.fields.append(field) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
            guard let header = frame?.pointee.hd, let stream = peer(context).streams[header.stream_id] else { return 0 }
            if header.type == 1 { stream.headIsIn = true }
            guard header.type <= 1, header.flags & 1 != 0 else { return 0 }
            stream.hasEnded = true
            if peer(context).isServer { peer(context).respond(header.stream_id, stream) }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, count, context in
            peer(context).streams[id]?.body += UnsafeBufferPointer(start: bytes, count: count)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, context in
            peer(context).streams[id]?.closeCode = code
            return 0
        }
    }
}

private func peer(_ context: UnsafeMutableRawPointer?) -> Nghttp2Peer {
    guard let context else { preconditionFailure("nghttp2 forgot its context") }
    return Unmanaged<Nghttp2Peer>.fromOpaque(context).takeUnretainedValue()
}
