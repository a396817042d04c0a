import CNghttp2

/// The C side: nghttp2's callbacks, each of which finds its session or stream and calls it.
///
/// The pointers given to nghttp2 are unretained: a session deletes its nghttp2 session in `deinit`, and holds each stream
/// until nghttp2 has closed it.
enum HTTP2Callbacks {
    static func makeSession(_ session: inout OpaquePointer?, role: HTTP2Session.Role, context: UnsafeMutableRawPointer)
        -> Int32
    {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&option) == 0 else {
            nghttp2_session_callbacks_del(callbacks)
            return Int32(NGHTTP2_ERR_NOMEM.rawValue)
        }
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(option)
        }
        install(callbacks)
        // The window opens when the body has moved on, not when it arrived: that is the backpressure.
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        // A client that opens and resets streams faster than this is sent away (CVE-2023-44487). Whoever knows the time
        // looks at `wastedStreams`, sooner; this is for whoever does not.
        nghttp2_option_set_stream_reset_rate_limit(option, 1_000, 33)
        switch role {
        case .server: return nghttp2_session_server_new2(&session, callbacks, context, option)
        case .client: return nghttp2_session_client_new2(&session, callbacks, context, option)
        }
    }

    static func bodyProvider(_ stream: HTTP2Stream) -> nghttp2_data_provider {
        nghttp2_data_provider(
            source: nghttp2_data_source(ptr: Unmanaged.passUnretained(stream).toOpaque()),
            read_callback: { _, _, _, limit, flags, source, _ in
                guard let flags, let context = source?.pointee.ptr else {
                    return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
                }
                let stream = Unmanaged<HTTP2Stream>.fromOpaque(context).takeUnretainedValue()
                return stream.nextData(limit: limit, flags: &flags.pointee)
            })
    }

    private static func install(_ callbacks: OpaquePointer?) {
        installHeaders(callbacks)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { nghttp2, frame, context in
            guard let header = frame?.pointee.hd, let session = session(at: context) else { return 0 }
            switch Int(header.type) {
            case Int(NGHTTP2_GOAWAY.rawValue): session.goAwayReceived()
            case Int(NGHTTP2_SETTINGS.rawValue) where header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0:
                session.settingsReceived()
            case Int(NGHTTP2_HEADERS.rawValue):
                guard let stream = liveStream(nghttp2, header.stream_id) else { return 0 }
                session.headersReceived(stream, endStream: header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0)
            case Int(NGHTTP2_DATA.rawValue) where header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0:
                liveStream(nghttp2, header.stream_id)?.endReceived()
            case Int(NGHTTP2_RST_STREAM.rawValue): session.wastedStreams += 1
            case Int(NGHTTP2_PING.rawValue), Int(NGHTTP2_PRIORITY.rawValue): session.controlFrames += 1
            case Int(NGHTTP2_DATA.rawValue) where header.length == 0: session.controlFrames += 1
            default: break
            }
            return 0
        }
        installAbuseCounters(callbacks)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { nghttp2, _, id, bytes, count, _ in
            guard let stream = liveStream(nghttp2, id) else {
                return nghttp2_session_consume_connection(nghttp2, count)
            }
            stream.unconsumed += count
            stream.bodyReceived(UnsafeBufferPointer(start: bytes, count: count).span)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { nghttp2, id, errorCode, context in
            guard let stream = liveStream(nghttp2, id), let session = session(at: context) else { return 0 }
            nghttp2_session_set_stream_user_data(nghttp2, id, nil)
            session.streamClosed(stream, errorCode: errorCode)
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, header, count, source, context in
            guard let header, let pointer = source?.pointee.ptr, let session = session(at: context) else {
                return Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
            return session.sendData(header, count: count, of: stream) ? 0 : Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue)
        }
    }

    /// Streams that we reset for what the client did: counted when it did it, because a client that does not read would
    /// keep us from ever sending the reset; or when the reset is sent, where nghttp2 tells of it only then.
    private static func installAbuseCounters(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { nghttp2, frame, _, context in
            guard let id = frame?.pointee.hd.stream_id, let session = session(at: context) else { return 0 }
            session.wastedStreams += 1
            liveStream(nghttp2, id)?.isResetByUs = true
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { nghttp2, frame, context in
            guard let header = frame?.pointee.hd, header.type == UInt8(NGHTTP2_RST_STREAM.rawValue),
                let session = session(at: context), let stream = liveStream(nghttp2, header.stream_id)
            else { return 0 }
            if !stream.isResetByUs { session.wastedStreams += 1 }
            return 0
        }
    }

    private static func installHeaders(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { nghttp2, frame, context in
            guard let frame = frame?.pointee, frame.hd.type == UInt8(NGHTTP2_HEADERS.rawValue),
                frame.headers.cat == NGHTTP2_HCAT_REQUEST, let session = session(at: context)
            else { return 0 }
            let stream = session.opened(id: frame.hd.stream_id)
            return nghttp2_session_set_stream_user_data(
                nghttp2, frame.hd.stream_id, Unmanaged.passUnretained(stream).toOpaque())
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            nghttp2, frame, name, nameCount, value, count, _, context in
            guard let id = frame?.pointee.hd.stream_id, nameCount > 0, let context,
                let stream = nghttp2_session_get_stream_user_data(nghttp2, id)
            else { return 0 }
            // Once a field: no reference is counted, both objects are held by whoever called nghttp2.
            let goesOn = Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef { session in
                Unmanaged<HTTP2Stream>.fromOpaque(stream)._withUnsafeGuaranteedRef { stream in
                    session.fieldReceived(
                        stream, name: UnsafeBufferPointer(start: name, count: nameCount).span,
                        value: UnsafeBufferPointer(start: value, count: count).span)
                }
            }
            return goesOn ? 0 : Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        // Without this nghttp2 drops an invalid field silently; a request that carries one is refused instead.
        nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
            Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
    }
}

private func session(at context: UnsafeMutableRawPointer?) -> HTTP2Session? {
    context.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

private func liveStream(_ session: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
    nghttp2_session_get_stream_user_data(session, id).map {
        Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue()
    }
}
