# The portal of LemonLDAP::NG and its static files under one small web server.

use strict;
use Lemonldap::NG::Portal::Main;
use Plack::App::File;
use Plack::Builder;

builder {
    mount '/static' => Plack::App::File->new( root => '/usr/share/lemonldap-ng/portal/htdocs/static' )->to_app;
    mount '/javascript' => Plack::App::File->new( root => '/usr/share/javascript' )->to_app;
    mount '/'       => Lemonldap::NG::Portal::Main->run( {} );
};
