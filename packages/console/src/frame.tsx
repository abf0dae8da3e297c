// What every page has around it: where one can go, who one is, light and dark, and that this server
// speaks another release than this page.

import { type Role, roleHas } from '@halflap/server/permissions';
import {
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadLogo,
  MastheadMain,
  MastheadToggle,
  Nav,
  NavGroup,
  NavItem,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
} from '@patternfly/react-core';
import { BarsIcon } from '@patternfly/react-icons';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { ReleaseNote } from './components/release-note';
import { ThemeMenu } from './components/theme-menu';
import { UserMenu } from './components/user-menu';
import { NAVIGATION, type NavigationEntry } from './pages/navigation';
import { useWho } from './state/session';

/** From here on the navigation stands beside the page; PatternFly's own limit. */
const WIDE = '(min-width: 75rem)';
const MAIN = 'main';

export function Frame({ children }: { readonly children: ReactNode }) {
  const [isOpen, setOpen] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const wide = matchMedia(WIDE);
    const follow = () => setOpen(wide.matches);
    wide.addEventListener('change', follow);
    return () => wide.removeEventListener('change', follow);
  }, []);
  const [path] = useLocation();
  const main = useRef(path);
  useEffect(() => {
    if (main.current === path) return;
    const isPart = pageOf(main.current) === pageOf(path);
    main.current = path;
    // Another page: it begins at its top, and on a phone it is not covered.
    if (!matchMedia(WIDE).matches) setOpen(false);
    document.getElementById(MAIN)?.scrollTo(0, 0);
    // Keys go on from its heading, which screen readers say. Of a part they stay where they are.
    if (!isPart) document.querySelector<HTMLElement>(`#${MAIN} h1`)?.focus();
  }, [path]);
  return (
    <Page
      masthead={<Head isOpen={isOpen} onToggle={() => setOpen(!isOpen)} />}
      sidebar={<Side isOpen={isOpen} path={path} />}
      skipToContent={<SkipToContent href={`#${MAIN}`}>Skip to content</SkipToContent>}
      mainContainerId={MAIN}
      mainAriaLabel="Page"
      isContentFilled
      onPageResize={followed}
    >
      <ReleaseNote />
      {children}
    </Page>
  );
}

/** Without the part of the page: `/hosts/8f3…` of `/hosts/8f3…/packages`. */
function pageOf(path: string): string {
  return path.split('/').slice(0, 3).join('/');
}

/** PatternFly finds out whether it is on a phone only for somebody who wants to be told. */
const followed = () => {};

interface HeadProps {
  readonly isOpen: boolean;
  onToggle(): void;
}

function Head({ isOpen, onToggle }: HeadProps) {
  return (
    <Masthead display={{ default: 'inline' }}>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton
            aria-label="Navigation"
            isSidebarOpen={isOpen}
            onSidebarToggle={onToggle}
            id="nav-toggle"
          >
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <MastheadLogo component={(props) => <Link {...props} href="/" />}>
            <span className="hf-brand">Halflap</span>
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="hf-masthead-end">
          <ThemeMenu />
          <UserMenu />
        </div>
      </MastheadContent>
    </Masthead>
  );
}

function Side({ isOpen, path }: { readonly isOpen: boolean; readonly path: string }) {
  const { grants } = useWho();
  const isSeen = ({ permission }: NavigationEntry) =>
    permission === undefined || grants.some(({ role }) => roleHas(role as Role, permission));
  return (
    <PageSidebar isSidebarOpen={isOpen} id="navigation">
      <PageSidebarBody>
        <Nav aria-label="Pages">
          {NAVIGATION.map(({ group, entries }) => (
            <NavGroup key={group} title={group}>
              {entries.filter(isSeen).map(({ path: to, text }) => (
                <NavItem key={to} isActive={isUnder(path, to)}>
                  <Link href={to}>{text}</Link>
                </NavItem>
              ))}
            </NavGroup>
          ))}
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

function isUnder(path: string, entry: string): boolean {
  return path === entry || (entry !== '/' && path.startsWith(`${entry}/`));
}
