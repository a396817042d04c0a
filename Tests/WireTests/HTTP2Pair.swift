import GatewayTestSupport

@testable import Wire

/// A client and a server session that talk in memory.
final class HTTP2Pair {
    let client: HTTP2Peer
    let server: HTTP2Peer

    init(
        client clientSettings: HTTP2SessionSettings = HTTP2SessionSettings(),
        server serverSettings: HTTP2SessionSettings = HTTP2SessionSettings()
    ) throws {
        client = try HTTP2Peer(role: .client, settings: clientSettings)
        server = try HTTP2Peer(role: .server, settings: serverSettings)
    }

    /// Carries bytes in both directions until neither side has any.
    func exchange(limit: Int = .max) throws {
        while true {
            let toServer = try client.output(limit: limit)
            if !toServer.isEmpty { try server.receive(toServer) }
            let toClient = try server.output(limit: limit)
            if !toClient.isEmpty { try client.receive(toClient) }
            if toServer.isEmpty && toClient.isEmpty { return }
        }
    }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
