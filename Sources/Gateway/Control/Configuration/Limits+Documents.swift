import Proxy
import Routing

extension Limits {
    /// What the documents say, and for the rest the data plane's defaults.
    init(_ clients: ClientSettings) {
        self.init()
        requestLineBytes = clients.requestLineBytes ?? requestLineBytes
        headerBytes = clients.headerBytes ?? headerBytes
        headerFields = clients.headerFields ?? headerFields
        requestBodyBytes = clients.requestBodyBytes.map { UInt64($0) } ?? requestBodyBytes
        handshakeTimeout = clients.handshakeMilliseconds ?? handshakeTimeout
        requestBodyRate = clients.requestBodyRate ?? requestBodyRate
        connectionsPerClient = clients.connectionsPerClient ?? connectionsPerClient
        heldBytesPerWorker = clients.heldBytesPerWorker ?? heldBytesPerWorker
        requestHeadTimeout = clients.requestHeadMilliseconds ?? requestHeadTimeout
        requestBodyTimeout = clients.requestBodyMilliseconds ?? requestBodyTimeout
        clientIdleTimeout = clients.idleMilliseconds ?? clientIdleTimeout
        clientWriteTimeout = clients.writeMilliseconds ?? clientWriteTimeout
        connectionsPerWorker = clients.connectionsPerWorker ?? connectionsPerWorker
        concurrentStreams = clients.concurrentStreams.map { UInt32($0) } ?? concurrentStreams
        bodyBufferBytes = clients.bodyBufferBytes ?? bodyBufferBytes
    }
}
